internal import EventLoop
internal import Faults
internal import RPC
internal import ServiceKit
internal import Stubs
internal import TLS

/// The running services that share one file of master keys.
struct SealingServices {
  /// The file.
  let masterKeysFile: String
  /// The services, and how each is called.
  let clients: [(service: ServiceName, client: SealingClient)]
}

/// Where a deployment's services and master keys are: what the operator's commands need to know.
///
/// It is read from variables of the form of `dev.env`: `LATCHKEY_<SERVICE>_RPC_ADDRESS` of each service, the operator's
/// certificate as `LATCHKEY_RPC_CERT_FILE`, `LATCHKEY_RPC_KEY_FILE` and `LATCHKEY_RPC_CA_FILE`, and the master keys as
/// `LATCHKEY_MASTER_KEYS_FILE` or, where a service has a file of its own, `LATCHKEY_<SERVICE>_MASTER_KEYS_FILE`.
@EventLoop
struct OperatedDeployment {
  /// The groups of services, each with its file.
  let groups: [SealingServices]
  private let channels: [Channel]

  /// Finds the services; none is called yet.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` with one sentence, when something is missing or cannot be used.
  init(_ place: MasterKeyOperation.Place) throws(Fault) {
    let variables = try Self.variables(place)
    let tls = try TLSContext(
      TLSFiles(
        certificate: try Self.require("LATCHKEY_RPC_CERT_FILE", variables),
        key: try Self.require("LATCHKEY_RPC_KEY_FILE", variables),
        authorities: try Self.require("LATCHKEY_RPC_CA_FILE", variables)
      ).configuration(.client, applicationProtocols: ["h2"])
    )
    var channels: [Channel] = []
    var found: [String: [(ServiceName, SealingClient)]] = [:]
    var files: [String] = []
    for service in ServiceName.allCases {
      guard let masterKeys = service.masterKeysVariables.lazy.compactMap({ variables[$0] }).first
      else { continue }
      let address = try Self.require(service.addressVariable, variables)
      guard let endpoint = Endpoint(address) else {
        throw Fault(
          .failedPrecondition,
          "\(service.addressVariable) is not host:port: \(address)"
        )
      }
      let channel = Channel(
        host: endpoint.host,
        port: endpoint.port,
        tls: tls,
        serverName: service.identity,
        connectionsPerAddress: 1
      )
      channels.append(channel)
      if found[masterKeys] == nil { files.append(masterKeys) }
      found[masterKeys, default: []].append((service, SealingClient(channel)))
    }
    guard !files.isEmpty else {
      throw Fault(.failedPrecondition, "LATCHKEY_MASTER_KEYS_FILE is not set")
    }
    self.channels = channels
    groups = files.map { SealingServices(masterKeysFile: $0, clients: found[$0] ?? []) }
  }

  /// Closes the connections.
  func close() {
    for channel in channels { channel.close() }
  }

  private static func variables(_ place: MasterKeyOperation.Place) throws(Fault) -> DevEnvironment {
    switch place {
    case .settings(let path):
      return DevEnvironment(text: try Files.read(path))
    case .dataDirectory(let path):
      let directory = try DataDirectory.chosen(path)
      guard case .ours = try directory.state(), Files.exists(directory.environmentFile) else {
        throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
      }
      var variables = DevEnvironment(text: try Files.read(directory.environmentFile))
      for service in ServiceName.allCases {
        guard let file = directory.masterKeys(of: service),
          let name = service.masterKeysVariables.first
        else { continue }
        variables[name] = file
      }
      return variables
    }
  }

  private static func require(
    _ name: String,
    _ variables: DevEnvironment
  ) throws(Fault) -> String {
    guard let value = variables[name], !value.isEmpty else {
      throw Fault(.failedPrecondition, "\(name) is not set")
    }
    return value
  }
}

extension ServiceName {
  /// The variables that may name its file of master keys, the one of its own first; none where it has no master keys.
  var masterKeysVariables: [String] {
    guard databaseRole != nil else { return [] }
    return ["LATCHKEY_\(rawValue.uppercased())_MASTER_KEYS_FILE", "LATCHKEY_MASTER_KEYS_FILE"]
  }
}
