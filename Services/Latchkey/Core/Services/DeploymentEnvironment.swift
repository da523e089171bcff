internal import ServiceKit

/// Makes `dev.env` from what is known of a deployment.
enum DeploymentEnvironment {
  static func make(_ plan: ServicePlan, _ credentials: FirstAccount.Credentials) -> DevEnvironment {
    let files = plan.files(of: DeploymentCertificates.operatorIdentity)
    var environment = DevEnvironment()
    environment["LATCHKEY_URL"] = plan.url
    environment["LATCHKEY_CA_FILE"] = "\(plan.directory.certificates)/https-ca.pem"
    environment["LATCHKEY_TEST_API_KEY"] = credentials.testAPIKey
    environment["LATCHKEY_LIVE_API_KEY"] = credentials.liveAPIKey
    environment["LATCHKEY_SIGNING_KEY"] = credentials.signingKey
    for service in ServiceName.allCases {
      environment[service.addressVariable] = plan.address(of: service).description
    }
    environment["LATCHKEY_RPC_CA_FILE"] = files.authorities
    environment["LATCHKEY_RPC_CERT_FILE"] = files.identity.certificate
    environment["LATCHKEY_RPC_KEY_FILE"] = files.identity.key
    return environment
  }
}
