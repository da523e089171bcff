internal import ServiceKit

/// Makes `dev.env` from what is known of a deployment.
enum DeploymentEnvironment {
  /// - Parameters:
  ///   - addresses: Where everything is called.
  ///   - files: Where certificates lie.
  ///   - credentials: Of the first account; nil where they are not kept.
  /// - Returns: What the file says.
  static func make(
    _ addresses: DeploymentAddresses,
    _ files: any DeploymentFiles,
    _ credentials: FirstAccount.Credentials?
  ) -> DevEnvironment {
    let identity = files.tlsFiles(of: DeploymentCertificates.operatorIdentity)
    var environment = DevEnvironment()
    environment["LATCHKEY_URL"] = addresses.url
    environment["LATCHKEY_CA_FILE"] = files.usersAuthority
    environment["LATCHKEY_TEST_API_KEY"] = credentials?.testAPIKey
    environment["LATCHKEY_LIVE_API_KEY"] = credentials?.liveAPIKey
    environment["LATCHKEY_SIGNING_KEY"] = credentials?.signingKey
    for service in ServiceName.allCases {
      environment[service.addressVariable] = addresses.rpc[service]?.description
      environment[service.metricsVariable] = addresses.metrics[service]?.description
    }
    environment["LATCHKEY_RPC_CA_FILE"] = identity.authorities
    environment["LATCHKEY_RPC_CERT_FILE"] = identity.identity.certificate
    environment["LATCHKEY_RPC_KEY_FILE"] = identity.identity.key
    return environment
  }
}
