import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

private let id = UUID.v7().description

/// One method, and who may call it.
struct AccessRow: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var callers: Set<String>
  var scope: String?
  var ask: @EventLoop @Sendable (KeysClient, CallOptions) async throws -> Void
}

private let rows = [
  AccessRow(testDescription: "ReportLeakedApiKey", callers: ["gateway"]) {
    _ = try await $0.reportLeakedApiKey(LeakReport(secret: "k"), $1)
  },
  AccessRow(testDescription: "CreateAccount", callers: ["operator"]) {
    _ = try await $0.createAccount(CreateAccountRequest(accountId: id, name: "n"), $1)
  },
  AccessRow(testDescription: "IssueApiKey", callers: ["operator"]) {
    _ = try await $0.issueApiKey(
      IssueApiKeyRequest(accountId: id, environment: .test, name: "n"),
      $1
    )
  },
  AccessRow(testDescription: "AuthenticateApiKey", callers: ["gateway"]) {
    _ = try await $0.authenticateApiKey(
      AuthenticateApiKeyRequest(sha256: [UInt8](repeating: 0, count: 32)),
      $1
    )
  },
  AccessRow(testDescription: "GetResponseSigningKey", callers: ["gateway", "operator"]) {
    _ = try await $0.getResponseSigningKey(GetResponseSigningKeyRequest(), $1)
  },
  AccessRow(testDescription: "CreateApiKey", callers: ["gateway"], scope: "keys:write") {
    _ = try await $0.createApiKey(CreateApiKeyRequest(name: "n", scopes: ["keys:write"]), $1)
  },
  AccessRow(testDescription: "ListApiKeys", callers: ["gateway"], scope: "keys:read") {
    _ = try await $0.listApiKeys(ListApiKeysRequest(), $1)
  },
  AccessRow(testDescription: "GetApiKey", callers: ["gateway"], scope: "keys:read") {
    _ = try await $0.getApiKey(GetApiKeyRequest(id: id), $1)
  },
  AccessRow(testDescription: "RevokeApiKey", callers: ["gateway"], scope: "keys:write") {
    _ = try await $0.revokeApiKey(RevokeApiKeyRequest(id: id), $1)
  },
  AccessRow(testDescription: "UpdateApiKey", callers: ["gateway"], scope: "keys:write") {
    _ = try await $0.updateApiKey(UpdateApiKeyRequest(id: id), $1)
  },
  AccessRow(testDescription: "RotateApiKey", callers: ["gateway"], scope: "keys:write") {
    _ = try await $0.rotateApiKey(RotateApiKeyRequest(id: id), $1)
  },
]

/// Who may call what: the table of identities and methods, and of scopes.
@Suite(.onLoop) struct AccessTests {
  @Test(arguments: rows) @EventLoop func `only the identities listed may call`(row: AccessRow)
    async throws
  {
    try await KeysFixture.with { fixture in
      for identity in ["gateway", "operator", "licenses", "keys"] {
        let client = KeysClient(try fixture.rpc.channel(as: identity))
        let code = await code { try await row.ask(client, fixture.options(UUID.v7())) }
        if row.callers.contains(identity) {
          #expect(code != .permissionDenied, "\(identity) may call \(row)")
        } else {
          #expect(code == .permissionDenied, "\(identity) may not call \(row)")
        }
      }
    }
  }

  @Test(arguments: rows.filter { $0.scope != nil })
  @EventLoop func `a caller without the scope is refused`(row: AccessRow) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let gateway = try fixture.gateway
      let scope = try #require(row.scope)
      let other = scope == "keys:read" ? "keys:write" : "keys:read"
      let refused = await code {
        try await row.ask(gateway, fixture.options(account, scopes: [other, "licenses:read"]))
      }
      #expect(refused == .permissionDenied)
      let anonymous = await code { try await row.ask(gateway, CallOptions()) }
      #expect(anonymous == .permissionDenied)
      let admitted = await code {
        try await row.ask(gateway, fixture.options(account, scopes: [scope]))
      }
      #expect(admitted != .permissionDenied)
    }
  }

  /// The operator's word about who is behind a call is worth nothing.
  @Test @EventLoop func `only the gateway can speak for a caller`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let client = KeysClient(try fixture.rpc.channel(as: "licenses"))
      let code = await code {
        _ = try await client.listApiKeys(ListApiKeysRequest(), fixture.options(account))
      }
      #expect(code == .permissionDenied)
    }
  }

  @EventLoop private func code(_ body: @EventLoop () async throws -> Void) async -> Fault.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? Fault)?.code ?? .unknown
    }
  }
}
