internal import ServiceKit

/// Where users and operators reach a deployment.
struct DeploymentAddresses: Sendable {
  /// Where users find everything.
  var url: String
  /// Where each service is called.
  var rpc: [ServiceName: Endpoint]
  /// Where each service tells of itself.
  var metrics: [ServiceName: Endpoint]
}
