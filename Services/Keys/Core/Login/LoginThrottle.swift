internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives
internal import RPC

/// Slows down whoever tries passwords or codes: by the address they come from, and by the user they try.
///
/// A limit on a user's name would let anybody keep that user out by trying in their name. So it does not hold for the
/// addresses that the user has logged in from of late: each of those has a limit of its own. Each attempt counts as it
/// begins, so that attempts at the same time do not slip through, and is given back when it turns out good.
///
/// In memory: a restart forgets, and of several processes each counts its own.
@EventLoop
final class LoginThrottle {
  /// How many attempts are let through at once, and how long one takes to come back.
  struct Limit {
    var burst: Int64
    var interval: Duration
  }

  /// What attempts are counted by.
  enum Subject: Hashable {
    case address(LoginAddress)
    case name(EmailAddress)
    /// A user at an address that they have logged in from.
    case nameAtHome(EmailAddress, LoginAddress)
    /// The password of a user who is logged in: whoever tries it has their session, from any number of addresses.
    case ownPassword(UUID)
    /// Codes of a user's second factor: whoever tries them knows the password.
    case codes(UUID)

    /// An office behind one address logs in in the morning; a list of leaked passwords is tried at one in 3 s.
    ///
    /// Of a user's passwords 2,880 a day can be tried, and of the million codes, three of which are good at a time,
    /// 288: one chance in a thousand a day.
    var limit: Limit {
      switch self {
      case .address: Limit(burst: 20, interval: .seconds(3))
      case .name, .nameAtHome, .ownPassword: Limit(burst: 10, interval: .seconds(30))
      case .codes: Limit(burst: 10, interval: .seconds(300))
      }
    }
  }

  /// The longest that a subject takes to have all its attempts again; after that nothing need be known of it.
  private static let memory = Duration.seconds(3_000)
  /// How many subjects are remembered in each of two generations, some 10 MB in all.
  private static let subjectsMax = 50_000

  private let now: @Sendable () -> Timestamp
  /// When each subject will have all its attempts again.
  private var young: [Subject: Timestamp] = [:]
  private var old: [Subject: Timestamp] = [:]
  private var begun: Timestamp

  init(now: @escaping @Sendable () -> Timestamp) {
    self.now = now
    begun = now()
  }

  /// Counts an attempt.
  ///
  /// - Throws: ``Fault`` `RATE_LIMITED` when there were too many, with the seconds until the next is let through.
  func take(_ subject: Subject) throws(Fault) {
    let now = now()
    let limit = subject.limit
    let fullAt = max(fullAt(subject, now), now)
    let room = limit.interval * Double(limit.burst - 1)
    guard fullAt - now <= room else {
      let wait = (fullAt - now - room).wholeMilliseconds
      throw .tooManyLogins(retryAfterSeconds: max(1, (wait + 999) / 1000))
    }
    remember(subject, fullAt + limit.interval, now)
  }

  /// Gives an attempt back that was good.
  func giveBack(_ subject: Subject) {
    let now = now()
    remember(subject, fullAt(subject, now) - subject.limit.interval, now)
  }

  private func fullAt(_ subject: Subject, _ now: Timestamp) -> Timestamp {
    young[subject] ?? old[subject] ?? now
  }

  private func remember(_ subject: Subject, _ fullAt: Timestamp, _ now: Timestamp) {
    if now - begun >= Self.memory || young.count >= Self.subjectsMax {
      old = young
      young = [:]
      begun = now
    }
    young[subject] = fullAt
  }
}

/// Where a login comes from: an IPv4 address, or the half of an IPv6 address that one subscriber has at least.
///
/// Source: RFC 6177, section 2.
struct LoginAddress: Hashable, Sendable {
  /// An address as users' rows keep it.
  let text: String

  /// The address that the gateway says the client has.
  @EventLoop
  init(_ call: Call) {
    let host = call.caller?.clientAddress ?? ""
    text =
      SocketAddress(ip: host, port: 0)?.withIPBytes { bytes in
        bytes.count == 4
          ? host : Hex.encode(UnsafeRawBufferPointer(rebasing: bytes[..<8])) + "::/64"
      } ?? "unknown"
  }
}

extension Fault {
  fileprivate static func tooManyLogins(retryAfterSeconds: Int64) -> Fault {
    Fault(
      .resourceExhausted,
      "Too many attempts to log in: try again in \(retryAfterSeconds) second(s)",
      reason: .rateLimited,
      facts: [Fact("retryAfterSeconds", retryAfterSeconds)]
    )
  }
}
