import Testing

@testable import LatchkeyCommand

@Suite struct DevEnvironmentTests {
  @Test func `what is written is read again, whatever the values`() {
    var environment = DevEnvironment()
    environment["LATCHKEY_URL"] = "https://localhost:8443"
    environment["LATCHKEY_CA_FILE"] = "/home/me/my data/it's/ca.pem"
    environment["LATCHKEY_EMPTY"] = ""
    environment["LATCHKEY_ODD"] = "a=b$c`d"
    #expect(DevEnvironment(text: environment.text) == environment)
    #expect(environment.text.hasPrefix("LATCHKEY_URL=https://localhost:8443\n"))
    #expect(environment.text.contains("LATCHKEY_CA_FILE='/home/me/my data/it'\\''s/ca.pem'\n"))
  }

  @Test func `comments and other lines are ignored, and a value can be replaced or removed`() {
    var environment = DevEnvironment(text: "# note=1\nLATCHKEY_A=1\nnonsense\nLATCHKEY_B=2\n")
    environment["LATCHKEY_A"] = "3"
    environment["LATCHKEY_B"] = nil
    #expect(environment.text == "LATCHKEY_A=3\n")
  }

  @Test func `the file names every service and the operator's identity`() {
    let plan = ServicePlan.example
    let environment = DeploymentEnvironment.make(
      plan.addresses,
      plan.directory,
      FirstAccount.Credentials(testAPIKey: "t", liveAPIKey: "l", signingKey: "s")
    )
    #expect(
      environment.variables.map(\.name) == [
        "LATCHKEY_URL", "LATCHKEY_CA_FILE", "LATCHKEY_TEST_API_KEY", "LATCHKEY_LIVE_API_KEY",
        "LATCHKEY_SIGNING_KEY", "LATCHKEY_KEYS_RPC_ADDRESS", "LATCHKEY_KEYS_METRICS_ADDRESS",
        "LATCHKEY_SIGNING_RPC_ADDRESS", "LATCHKEY_SIGNING_METRICS_ADDRESS",
        "LATCHKEY_LICENSES_RPC_ADDRESS", "LATCHKEY_LICENSES_METRICS_ADDRESS",
        "LATCHKEY_WEBHOOKS_RPC_ADDRESS", "LATCHKEY_WEBHOOKS_METRICS_ADDRESS",
        "LATCHKEY_GATEWAY_RPC_ADDRESS", "LATCHKEY_GATEWAY_METRICS_ADDRESS", "LATCHKEY_RPC_CA_FILE",
        "LATCHKEY_RPC_CERT_FILE", "LATCHKEY_RPC_KEY_FILE",
      ]
    )
    #expect(environment["LATCHKEY_RPC_CERT_FILE"] == "/data/certificates/operator.pem")
    #expect(environment["LATCHKEY_KEYS_RPC_ADDRESS"] == "127.0.0.1:8444")
  }
}
