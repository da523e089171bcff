internal import Cryptography
internal import EventLoop
internal import Faults

/// Hashes and verifies passwords, off the loop and a few at a time.
@EventLoop
final class Passwords {
  /// What a new hash costs: the second choice of RFC 9106, section 4, with the one lane that libsodium has.
  ///
  /// A tenth to a fifth of a second for us; for whoever tries out passwords of a stolen database, 64 MiB each on every core.
  nonisolated static let standardCost = Argon2id.Cost(passes: 3, memoryKiB: 64 * 1024)
  /// How many are computed at a time: their memory is the peak of this process, and half of libuv's four workers stay
  /// free for others.
  private static let runningMax = 2
  /// How many wait for their turn: the last one for some seconds, which is within a call's time.
  private static let waitingMax = 32

  private let cost: Argon2id.Cost
  /// What is verified where there is no user: no password fits it, and finding that out takes as long.
  private let unmatchable: String
  private var running = 0
  private var waiting: [CheckedContinuation<Void, Never>] = []
  /// How often Argon2id was computed; logs and tests read it.
  private(set) var computations = 0

  init(cost: Argon2id.Cost) {
    self.cost = cost
    unmatchable = Argon2id.unmatchable(cost)
  }

  /// Whether a hash is of a password; without a hash the same work is done, for nothing.
  ///
  /// - Throws: ``Fault`` `unavailable` when too many wait.
  func verify(_ password: String, against hash: String?) async throws(Fault) -> Bool {
    let isRight = try await compute { [unmatchable] in
      Argon2id.verify(password, against: hash ?? unmatchable)
    }
    return isRight && hash != nil
  }

  /// Hashes a new password.
  ///
  /// - Throws: ``Fault`` `unavailable` when too many wait, or there is no memory.
  func hash(_ password: String) async throws(Fault) -> String {
    let hash = try await compute { [cost] in Argon2id.hash(password, cost) }
    guard let hash else { throw .unavailable("Passwords cannot be hashed for lack of memory") }
    return hash
  }

  /// Whether a hash was made at another cost than what is hashed now.
  func needsRehash(_ hash: String) -> Bool { Argon2id.needsRehash(hash, cost) }

  private func compute<T: Sendable>(_ work: @escaping @Sendable () -> T) async throws(Fault) -> T {
    if running < Self.runningMax {
      running += 1
    } else {
      guard waiting.count < Self.waitingMax else {
        throw .unavailable("Too many logins at once; try again")
      }
      // Whoever ends hands its place on.
      await withCheckedContinuation { waiting.append($0) }
    }
    defer {
      if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
    }
    computations += 1
    return await EventLoop.background(work)
  }
}
