internal import EventLoop
internal import Faults
internal import RPC
internal import ServiceKit
internal import TLS

/// RPC connections to the services, as the identity `operator`.
@EventLoop
final class OperatorChannels {
  private var channels: [ServiceName: Channel] = [:]

  /// - Throws: ``Fault`` `failedPrecondition` when the operator's certificate cannot be used.
  init(_ addresses: DeploymentAddresses, _ files: any DeploymentFiles) throws(Fault) {
    let tls = try TLSContext(
      files.tlsFiles(of: DeploymentCertificates.operatorIdentity)
        .configuration(.client, applicationProtocols: ["h2"])
    )
    for (service, address) in addresses.rpc {
      channels[service] = Channel(
        host: address.host,
        port: address.port,
        tls: tls,
        serverName: service.identity,
        connectionsPerAddress: 1
      )
    }
  }

  /// The connection to one service.
  func channel(to service: ServiceName) -> Channel {
    guard let channel = channels[service] else { preconditionFailure("Every service has one") }
    return channel
  }

  /// Closes the connections.
  func close() {
    for channel in channels.values { channel.close() }
  }
}
