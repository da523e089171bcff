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
  var ask: @EventLoop @Sendable (SigningClient, CallOptions) async throws -> Void
}

private let rows = [
  AccessRow(testDescription: "SignLicenseFiles", callers: ["licenses"]) { client, options in
    let order = LicenseFileOrder(
      licenseId: id,
      productId: id,
      fingerprint: "machine-1",
      ttlSeconds: 3_600,
      license: Array("{}".utf8),
      policy: Array("{}".utf8),
      payloadKey: [UInt8](repeating: 1, count: 32),
      actor: AuditEvent.Actor(kind: .apiKey)
    )
    let request = SignLicenseFilesRequest(accountId: id, environment: .test, orders: [order])
    _ = try await client.signLicenseFiles(request, options)
  },
  AccessRow(testDescription: "NoteStandings", callers: ["licenses"]) {
    _ = try await $0.noteStandings(NoteStandingsRequest(), $1)
  },
  AccessRow(
    testDescription: "GetPublicKeys",
    callers: ["gateway", "keys", "licenses", "operator"]
  ) {
    _ = try await $0.getPublicKeys(GetPublicKeysRequest(accountId: id, environment: .test), $1)
  },
  AccessRow(testDescription: "GetKeysDocument", callers: ["gateway"]) {
    _ = try await $0.getKeysDocument(PublishedRequest(account: id), $1)
  },
  AccessRow(testDescription: "GetRevocationsDocument", callers: ["gateway"]) {
    _ = try await $0.getRevocationsDocument(PublishedRequest(account: id), $1)
  },
  AccessRow(testDescription: "ListFiles", callers: ["licenses"]) {
    let request = ListFilesRequest(accountId: id, environment: .test, licenseId: id)
    _ = try await $0.listFiles(request, $1)
  },
  AccessRow(testDescription: "RevokeFiles", callers: ["licenses"]) {
    let request = RevokeFilesRequest(
      accountId: id,
      environment: .test,
      licenseId: id,
      actor: AuditEvent.Actor(kind: .apiKey)
    )
    _ = try await $0.revokeFiles(request, $1)
  },
  AccessRow(testDescription: "GetSigningKey", callers: ["gateway"], scope: "signing:read") {
    _ = try await $0.getSigningKey(GetSigningKeyRequest(id: id), $1)
  },
  AccessRow(testDescription: "GetKeyset", callers: ["gateway"], scope: "signing:read") {
    _ = try await $0.getKeyset(GetKeysetRequest(), $1)
  },
  AccessRow(testDescription: "RotateSigningKey", callers: ["gateway"], scope: "signing:write") {
    _ = try await $0.rotateSigningKey(RotateSigningKeyRequest(), $1)
  },
  AccessRow(testDescription: "RetireSigningKey", callers: ["gateway"], scope: "signing:write") {
    _ = try await $0.retireSigningKey(RetireSigningKeyRequest(id: id), $1)
  },
  AccessRow(testDescription: "CreateSigningRoot", callers: ["gateway"], scope: "signing:write") {
    _ = try await $0.createSigningRoot(CreateSigningRootRequest(), $1)
  },
  AccessRow(testDescription: "ProposeSuccession", callers: ["gateway"], scope: "signing:read") {
    _ = try await $0.proposeSuccession(ProposeSuccessionRequest(), $1)
  },
  AccessRow(testDescription: "InstallSuccession", callers: ["gateway"], scope: "signing:write") {
    _ = try await $0.installSuccession(InstallSuccessionRequest(succession: "x"), $1)
  },
]

/// Who may call what: the table of identities and methods, and of scopes.
@Suite(.onLoop) struct AccessTests {
  @Test(arguments: rows) @EventLoop func `only the identities listed may call`(row: AccessRow)
    async throws
  {
    try await SigningFixture.with { fixture in
      for identity in ["gateway", "operator", "licenses", "keys", "webhooks"] {
        let client = SigningClient(try fixture.rpc.channel(as: identity))
        let code = await code { try await row.ask(client, fixture.options) }
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
    try await SigningFixture.with { fixture in
      let gateway = try fixture.gateway
      let scope = try #require(row.scope)
      let others = ["licenses:read", "licenses:write", "signing:read", "signing:write"]
      let refused = await code {
        try await row.ask(gateway, fixture.options(scopes: others.filter { $0 != scope }))
      }
      #expect(refused == .permissionDenied)
      let anonymous = await code { try await row.ask(gateway, CallOptions()) }
      #expect(anonymous == .permissionDenied)
      let admitted = await code { try await row.ask(gateway, fixture.options(scopes: [scope])) }
      #expect(admitted != .permissionDenied)
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
