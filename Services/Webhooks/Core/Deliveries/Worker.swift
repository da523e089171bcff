internal import EventLoop
internal import Faults
internal import Logging
internal import Postgres

/// Who this process is to the others that deliver: a number that stands beside what it has claimed, and a session of
/// the database that holds a lock on the number for as long as the process lives.
///
/// When the process dies, however it dies, the server ends the session and with it the lock; whoever gets the lock then
/// knows that the claims are nobody's. A session that was lost is replaced by one with another number, since the claims
/// of the old one may be somebody else's already.
@EventLoop
final class Worker {
  /// What nobody sends on: listening tells when the session is there, and there again.
  private static let channel = "latchkey_workers"
  /// How long to wait before a number is asked for again.
  private static let pause = Duration.seconds(1)

  /// A connection of its own, which nothing else is run on.
  private let session: Database
  private let log = Logger(label: "worker")
  private var subscription: Subscription?
  private var number: Int32?
  /// How many sessions were lost before the one that holds the lock on the number.
  private var lostBefore = 0
  private var taking: Task<Void, Never>?

  /// Prepares the session, to the same database.
  init(of database: Database) {
    var configuration = database.configuration
    configuration.sharedConnections = 1
    configuration.leasedConnectionsMax = 1
    configuration.applicationName += " (worker)"
    session = Database(configuration)
  }

  /// The number; nil while there is no session, and then nothing can be claimed.
  var id: Int32? { session.isAvailable && session.lostCount == lostBefore ? number : nil }

  /// Begins the session; `ready` is told whenever there is a number.
  func start(_ ready: @escaping @EventLoop () -> Void) {
    session.start()
    subscription = session.listen(Self.channel) { [unowned self] event in
      guard event == .listening else { return }
      number = nil
      let earlier = taking
      taking = EventLoop.spawn { [self] in
        await earlier?.value
        await take()
        ready()
      }
    }
  }

  /// Ends the session: what is still claimed is nobody's.
  func stop() async {
    subscription?.cancel()
    number = nil
    await session.close()
  }

  /// Takes a number that nobody has; without one nothing is claimed, so it is tried again and again.
  private func take() async {
    while number == nil, session.isAvailable {
      let wanted = Int32.random(in: 1 ... .max)
      let lostCount = session.lostCount
      do throws(Fault) {
        let isFree: Bool = try await session.query("select webhooks.become_worker(\(wanted))")
          .single().value(0)
        if isFree {
          number = wanted
          lostBefore = lostCount
        }
      } catch {
        log.warning("nothing can be claimed now", metadata: ["reason": "\(error.message)"])
        await EventLoop.sleep(for: Self.pause)
      }
    }
  }
}
