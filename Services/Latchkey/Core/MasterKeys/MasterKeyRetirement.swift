internal import Cryptography
internal import EventLoop
internal import Faults
internal import Messages

/// Takes a version of master keys away, after it was shown that it protects nothing any more.
@EventLoop
struct MasterKeyRetirement {
  private let services: SealingServices
  private let console: Console

  init(_ services: SealingServices, _ console: Console) {
    self.services = services
    self.console = console
  }

  /// Does it.
  ///
  /// - Throws: ``Fault`` when the version is the active one or protects something, or when a service refuses the file
  ///   without it: then the file is as it was.
  func run(_ version: UInt32) async throws(Fault) {
    let path = services.masterKeysFile
    let keys = try MasterKeys.load(path: path)
    let rest = try keys.removing(version: version)
    // A service that has not loaded the file may be about to use the version.
    try await services.reload(keys)
    let uses = try await SealingProof.make(services).uses { $0 == Int64(version) }
    guard uses.isEmpty else {
      let places = uses.map { "\($0.count) of \($0.place)" }.joined(separator: ", ")
      throw Fault(
        .failedPrecondition,
        "Version \(version) protects \(places); bring them under the active version first: latchkey keys rotate"
      )
    }
    try rest.replace(path: path)
    do throws(Fault) {
      try await services.reload(rest)
    } catch {
      guard error.code == .failedPrecondition else { throw error }
      try keys.replace(path: path)
      try await services.reload(keys)
      throw error
    }
    console.say("Removed version \(version) from \(path)")
  }
}
