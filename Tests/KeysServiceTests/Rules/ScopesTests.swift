import Faults
import Messages
import Primitives
import Testing

@testable import KeysService

@Suite struct ScopesTests {
  @Test func `the scopes of the contract are known`() {
    #expect(Scopes.known.count == 20)
    #expect(Set(Scopes.known).count == 20)
    for scope in Scopes.known { #expect(scope.contains(/^[a-z]+:(read|write|reveal|validate)$/)) }
  }

  @Test(arguments: [
    (CreateApiKeyRequest.Preset.validateOnly, ["licenses:validate"]),
    (
      .readOnly,
      [
        "licenses:read", "machines:read", "products:read", "policies:read", "entitlements:read",
        "webhooks:read", "analytics:read",
      ]
    ),
    (
      .fulfilment,
      ["licenses:read", "licenses:write", "products:read", "policies:read", "entitlements:read"]
    ),
  ])
  func `a preset stands for scopes that are known`(
    preset: CreateApiKeyRequest.Preset,
    names: [String]
  ) throws {
    #expect(Scopes(preset) == .only(names))
    #expect(try Scopes(requested: names) == .only(names))
  }

  @Test(arguments: [
    (Scopes.everything, Scopes.everything, true), (.only(["keys:write"]), .everything, true),
    (.everything, .only(["keys:write"]), false),
    (.only(["keys:write"]), .only(["keys:write", "keys:read"]), true),
    (.only(["keys:write", "licenses:read"]), .only(["keys:write"]), false),
  ])
  func `a key is changed only by one that has all its rights`(
    key: Scopes,
    caller: Scopes,
    isAllowed: Bool
  ) {
    let result = Result { () throws(Fault) in try key.require(heldBy: caller) }
    switch result {
    case .success: #expect(isAllowed)
    case .failure(let fault): #expect(!isAllowed && fault.reason == .forbidden)
    }
  }

  @Test func `a request without scopes asks for everything`() throws {
    #expect(try Scopes(requested: nil) == .everything)
  }

  @Test func `scopes are kept once each and in one order`() throws {
    let scopes = try Scopes(requested: ["products:read", "licenses:read", "products:read"])
    #expect(scopes == .only(["licenses:read", "products:read"]))
  }

  @Test func `an empty list is refused, since it could be taken for everything`() {
    let fault = #expect(throws: Fault.self) { try Scopes(requested: []) }
    #expect(fault?.issues.map(\.path) == [["scopes"]])
  }

  @Test(arguments: ["", "*", "licenses", "licenses:READ", "licenses:read ", "licenses:delete"])
  func `an unknown scope is refused and named by its place`(scope: String) {
    let fault = #expect(throws: Fault.self) {
      try Scopes(requested: ["licenses:read", scope, "keys:read"])
    }
    #expect(fault?.reason == .validationError)
    #expect(fault?.issues.map(\.path) == [["scopes", "1"]])
  }

  /// What a caller may hand on: never a right that it does not have.
  struct GrantRow: Sendable {
    var held: Scopes
    var wanted: Scopes
    var isAllowed: Bool
  }

  @Test(arguments: [
    GrantRow(held: .everything, wanted: .everything, isAllowed: true),
    GrantRow(held: .everything, wanted: .only(["licenses:read"]), isAllowed: true),
    GrantRow(held: .only(["keys:write"]), wanted: .everything, isAllowed: false),
    GrantRow(held: .only(["keys:write"]), wanted: .only(["keys:write"]), isAllowed: true),
    GrantRow(held: .only(["keys:write"]), wanted: .only(["licenses:read"]), isAllowed: false),
    GrantRow(
      held: .only(["keys:write", "licenses:read"]),
      wanted: .only(["licenses:read"]),
      isAllowed: true
    ),
    GrantRow(
      held: .only(["keys:write", "licenses:read"]),
      wanted: .only(["licenses:read", "licenses:write"]),
      isAllowed: false
    ),
    GrantRow(held: .only(Scopes.known), wanted: .everything, isAllowed: false),
    GrantRow(held: .only([]), wanted: .only(["licenses:read"]), isAllowed: false),
  ])
  func `a caller hands on no more than it has`(row: GrantRow) {
    guard !row.isAllowed else {
      #expect(throws: Never.self) { try row.wanted.require(grantableBy: row.held) }
      return
    }
    let fault = #expect(throws: Fault.self) { try row.wanted.require(grantableBy: row.held) }
    #expect(fault?.code == .permissionDenied)
    #expect(fault?.reason == .forbidden)
  }

  @Test func `callers without limits are told by the wildcard`() {
    #expect(Scopes(caller: ["*"]) == .everything)
    #expect(Scopes(caller: ["keys:read"]) == .only(["keys:read"]))
    #expect(Scopes(caller: []) == .only([]))
    #expect(Scopes.everything.forCaller == ["*"])
    #expect(Scopes.only(["keys:read"]).forCaller == ["keys:read"])
  }
}

@Suite struct KeyVerdictTests {
  private let now = Timestamp(milliseconds: 1_770_000_000_000)

  private func facts(
    expiresIn: Int64? = nil,
    isRevoked: Bool = false,
    isRetiring: Bool = false,
    scopes: Scopes = .only(["licenses:read"])
  ) -> KeyFacts {
    KeyFacts(
      tenant: Tenant(accountID: UUID(high: 7, low: 7), environment: .live),
      id: UUID(high: 7, low: 8),
      scopes: scopes,
      allowedAddresses: .everywhere,
      expiresAt: expiresIn.map { now + .milliseconds($0) },
      revokedAt: isRevoked ? now : nil,
      isRetiring: isRetiring
    )
  }

  @Test func `a good key tells whose it is`() {
    let answer = AuthenticateApiKeyResponse(on: facts(expiresIn: 1), at: now)
    #expect(answer.verdict == .valid)
    #expect(answer.accountId == UUID(high: 7, low: 7).description)
    #expect(answer.environment == .live)
    #expect(answer.apiKeyId == UUID(high: 7, low: 8).description)
    #expect(answer.scopes == ["licenses:read"])
  }

  @Test(
    arguments: [
      (.everything, Scopes.known.filter { $0 != "keys:write" }),
      (.only(["keys:read", "keys:write"]), ["keys:read"]), (.only(["keys:write"]), []),
    ] as [(Scopes, [String])]
  )
  func `a key that leaked and is to be replaced cannot make others`(
    scopes: Scopes,
    left: [String]
  ) {
    let answer = AuthenticateApiKeyResponse(on: facts(isRetiring: true, scopes: scopes), at: now)
    #expect(answer.verdict == .valid)
    #expect(answer.scopes == left)
  }

  @Test func `a key that is not good tells nothing but that`() {
    let rows: [(KeyFacts?, AuthenticateApiKeyResponse.Verdict)] = [
      (nil, .unknown), (facts(expiresIn: 0), .expired), (facts(expiresIn: -1), .expired),
      (facts(isRevoked: true), .revoked), (facts(expiresIn: -1, isRevoked: true), .revoked),
    ]
    for (facts, verdict) in rows {
      let answer = AuthenticateApiKeyResponse(on: facts, at: now)
      #expect(answer.verdict == verdict)
      #expect(answer.accountId == nil)
      #expect(answer.apiKeyId == nil)
      #expect(answer.scopes.isEmpty)
    }
  }
}
