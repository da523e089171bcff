internal import Cryptography
internal import EventLoop
internal import Faults
internal import Messages
internal import RPC
internal import Stubs

/// Makes a new version of master keys, and brings everything under it.
///
/// Every step may be repeated, and what is to be done is read from the file and the database each time: so a rotation
/// that was stopped, here or in a service, is gone on with.
@EventLoop
struct MasterKeyRotation {
  /// How often it is told how far a service is.
  private static let tellInterval = Duration.seconds(1)

  private let services: SealingServices
  private let console: Console

  init(_ services: SealingServices, _ console: Console) {
    self.services = services
    self.console = console
  }

  /// Does it.
  ///
  /// - Parameter retires: Whether the old versions are taken away at the end.
  /// - Throws: ``Fault`` when a service refuses or stays away, or when something is still under an old version.
  func run(retires: Bool) async throws(Fault) {
    let keys = try await prepare()
    for (service, client) in services.clients {
      try await rotate(service, client, to: keys.activeVersion)
    }
    let proof = try await SealingProof.make(services)
    console.say("What each version protects, as the database counts it now:")
    console.say(proof.text(versions: keys.versions))
    let older = keys.versions.filter { $0 != keys.activeVersion }
    let rest = proof.uses { $0 != Int64(keys.activeVersion) }
    guard rest.isEmpty else {
      let places = rest.map { "\($0.count) of \($0.place) by version \($0.version)" }
      throw Fault(
        .failedPrecondition,
        "The rotation is not complete (\(places.joined(separator: ", "))); run it again. What is damaged stands in"
          + " the services' logs"
      )
    }
    let list = older.map(String.init).joined(separator: ", ")
    console.say("Everything is under version \(keys.activeVersion); unused: \(list)")
    guard retires else {
      for version in older { console.say("To remove it: latchkey keys retire \(version)") }
      return
    }
    for version in older { try await MasterKeyRetirement(services, console).run(version) }
  }

  /// Sees to it that there is a version to bring everything under, and that all services have it.
  private func prepare() async throws(Fault) -> MasterKeys {
    let path = services.masterKeysFile
    let keys = try MasterKeys.load(path: path)
    try await services.reload(keys)
    // What is under an older version now is a rotation that was not brought to its end.
    let active = Int64(keys.activeVersion)
    if try await !SealingProof.make(services).uses(where: { $0 != active }).isEmpty {
      console.say("Goes on with the rotation of \(path) to version \(active)")
      return keys
    }
    let next = try keys.addingVersion()
    try next.replace(path: path)
    console.say("Added version \(next.activeVersion) to \(path)")
    try await services.reload(next)
    return next
  }

  private func rotate(
    _ service: ServiceName,
    _ client: SealingClient,
    to version: UInt32
  ) async throws(Fault) {
    let start = Instant.now
    var told = start
    var sum: Int64 = 0
    try await persisting(service) { () async throws(Fault) in
      let call = try await client.rotateSealing(RotateSealingRequest(version: Int64(version)))
      var done: Int64 = 0
      defer { sum += done }
      while let progress = try await call.next() {
        done = progress.done
        guard Instant.now - told >= Self.tellInterval else { continue }
        told = Instant.now
        console.say("  \(service.rawValue): \(done) of \(progress.total) rows")
      }
    }
    console.say(
      "  \(service.rawValue): \(sum) rows sealed anew\(Console.seconds(Instant.now - start))"
    )
  }
}
