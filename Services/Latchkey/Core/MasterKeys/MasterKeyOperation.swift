internal import Cryptography
public import EventLoop
internal import Faults
internal import Logging
internal import Messages
internal import Stubs

/// `latchkey keys status`, `rotate` and `retire`: what is done to the master keys of running services.
@EventLoop
public enum MasterKeyOperation {
  /// Where the services and the files are.
  public enum Place: Sendable {
    /// The data directory of `latchkey up`; nil for the default folder.
    case dataDirectory(String?)
    /// A file with the variables that `latchkey keys` needs.
    case settings(String)
  }

  /// What is done.
  public enum Deed: Sendable {
    /// Tells what each version protects.
    case status
    /// Makes a new version, and brings everything under it.
    case rotate(retires: Bool)
    /// Takes a version away that protects nothing any more.
    case retire(UInt32)
  }

  /// Does it, file by file.
  ///
  /// - Returns: The exit status: zero when all was done as asked.
  public static func run(_ deed: Deed, at place: Place) async -> Int32 {
    let console = Console()
    // What fails is told by the faults.
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    do throws(Fault) {
      let deployment = try OperatedDeployment(place)
      defer { deployment.close() }
      var isDone = false
      for services in deployment.groups {
        let lock = try MasterKeysLock(services.masterKeysFile)
        defer { withExtendedLifetime(lock) {} }
        switch deed {
        case .status:
          try await tell(services, console)
          isDone = true
        case .rotate(let retires):
          try await MasterKeyRotation(services, console).run(retires: retires)
          isDone = true
        case .retire(let version):
          // Files of their own may have versions of their own.
          guard try MasterKeys.load(path: services.masterKeysFile).versions.contains(version) else {
            continue
          }
          try await MasterKeyRetirement(services, console).run(version)
          isDone = true
        }
      }
      guard isDone else { throw Fault(.notFound, "No file of master keys has that version") }
      return 0
    } catch {
      console.complain(error)
      return 1
    }
  }

  private static func tell(
    _ services: SealingServices,
    _ console: Console
  ) async throws(Fault) {
    let keys = try MasterKeys.load(path: services.masterKeysFile)
    let proof = try await SealingProof.make(services)
    console.say("\(services.masterKeysFile): \(keys.summary)")
    for (service, status) in proof.statuses {
      console.say("  \(service.rawValue) has \(status.summary)")
    }
    console.say(proof.text(versions: keys.versions))
  }
}

extension MasterKeys {
  /// Which versions there are.
  var summary: String { summarize(versions.map(Int64.init), active: Int64(activeVersion)) }
}

extension SealingStatus {
  /// Which versions the service has.
  var summary: String { summarize(versions, active: activeVersion) }
}

private func summarize(_ versions: [Int64], active: Int64) -> String {
  let list = versions.map(String.init).joined(separator: ", ")
  return "version\(versions.count == 1 ? "" : "s") \(list), of which \(active) is active"
}

extension SealingServices {
  /// Has every service load the file as it is now.
  ///
  /// - Throws: ``Fault`` when one refuses it, or is not there.
  @EventLoop
  func reload(_ keys: MasterKeys) async throws(Fault) {
    for (service, client) in clients {
      let answer = try await persisting(service) { () async throws(Fault) in
        try await client.reloadMasterKeys(ReloadMasterKeysRequest())
      }
      guard answer.activeVersion == Int64(keys.activeVersion) else {
        throw Fault(
          .failedPrecondition,
          "\(service.rawValue): it reads another file than \(masterKeysFile)"
        )
      }
    }
  }
}
