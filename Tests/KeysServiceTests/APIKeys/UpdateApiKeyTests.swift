import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct UpdateApiKeyTests {
  @Test @EventLoop func `what is named changes, and the rest stays`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account)
      let made = try await fixture.key(account, scopes: ["licenses:read"])
      let end = fixture.clock.now + .seconds(60)
      var wanted = try await fixture.shown(made, account)
      for (request, change) in [
        (UpdateApiKeyRequest(id: made.id, name: "Shop"), { $0.name = "Shop" }),
        (
          UpdateApiKeyRequest(
            id: made.id,
            allowedAddresses: ["2001:DB8::/32", "203.0.113.0/24", "2001:db8:0::/32"]
          ),
          { $0.allowedAddresses = ["2001:db8::/32", "203.0.113.0/24"] }
        ),
        (
          UpdateApiKeyRequest(id: made.id, expiresAt: end.milliseconds),
          { $0.expiresAt = end.milliseconds }
        ),
        (UpdateApiKeyRequest(id: made.id), { _ in }),
        (UpdateApiKeyRequest(id: made.id, presentNames: ["expiresAt"]), { $0.expiresAt = nil }),
        (
          UpdateApiKeyRequest(id: made.id, presentNames: ["allowedAddresses"]),
          { $0.allowedAddresses = [] }
        ),
      ] as [(UpdateApiKeyRequest, (inout ApiKey) -> Void)] {
        change(&wanted)
        #expect(try await fixture.gateway.updateApiKey(request, options) == wanted)
        #expect(try await fixture.shown(made, account) == wanted)
      }
      // The request that changed nothing left no line.
      let updates = try await fixture.log().filter { $0.action == "apiKey.update" }
      #expect(updates.count == 5)
      #expect(updates.allSatisfy { $0.resourceId == made.id })
    }
  }

  /// A body that is refused, and the field it is refused for.
  struct Refusal: Sendable {
    var request: UpdateApiKeyRequest
    var path: [String]
  }

  @Test(arguments: [
    Refusal(request: UpdateApiKeyRequest(id: "", name: ""), path: ["name"]),
    Refusal(request: UpdateApiKeyRequest(id: "", presentNames: ["name"]), path: ["name"]),
    Refusal(request: UpdateApiKeyRequest(id: "", expiresAt: 1), path: ["expiresAt"]),
    Refusal(
      request: UpdateApiKeyRequest(id: "", allowedAddresses: ["10.0.0.0/8", "10.0.0.1/8"]),
      path: ["allowedAddresses", "1"]
    ),
    Refusal(
      request: UpdateApiKeyRequest(
        id: "",
        allowedAddresses: (0...50).map { "10.0.0.\($0)/32" }
      ),
      path: ["allowedAddresses"]
    ),
  ])
  @EventLoop func `a bad body is refused`(refusal: Refusal) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let made = try await fixture.key(account)
      var request = refusal.request
      request.id = made.id
      let fault = try await fault { [request] in
        try await fixture.gateway.updateApiKey(request, fixture.options(account))
      }
      #expect(fault.code == .invalidArgument)
      #expect(fault.issues.map(\.path) == [refusal.path])
    }
  }

  @Test @EventLoop func `a revoked key cannot be changed, a rotated one only stop earlier`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account)
      let key = try await fixture.key(account)
      _ = try await fixture.gateway.rotateApiKey(
        RotateApiKeyRequest(id: key.id, overlapSeconds: 60),
        options
      )
      let now = fixture.clock.now
      let later = (now + .seconds(61)).milliseconds
      for request in [
        UpdateApiKeyRequest(id: key.id, expiresAt: later),
        UpdateApiKeyRequest(id: key.id, presentNames: ["expiresAt"]),
      ] {
        let fault = try await fault { try await fixture.gateway.updateApiKey(request, options) }
        #expect(fault.reason == .conflict)
      }
      let earlier = (now + .seconds(30)).milliseconds
      let changed = try await fixture.gateway.updateApiKey(
        UpdateApiKeyRequest(id: key.id, expiresAt: earlier),
        options
      )
      #expect(changed.retiresAt == earlier)
      _ = try await fixture.gateway.revokeApiKey(RevokeApiKeyRequest(id: key.id), options)
      let fault = try await fault {
        try await fixture.gateway.updateApiKey(
          UpdateApiKeyRequest(id: key.id, name: "Late"),
          options
        )
      }
      #expect(fault.reason == .conflict)
    }
  }

  @Test @EventLoop func `an expired key works again with a later expiry, a retired one never`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account)
      let end = fixture.clock.now + .seconds(1)
      let expired = try await fixture.key(account, expiresAt: end.milliseconds)
      let retired = try await fixture.key(account)
      _ = try await fixture.gateway.rotateApiKey(
        RotateApiKeyRequest(id: retired.id, overlapSeconds: 1),
        options
      )
      fixture.clock.advance(by: .seconds(1))
      for key in [expired, retired] {
        #expect(try await fixture.verdict(on: key).verdict == .expired)
      }
      let later = (fixture.clock.now + .seconds(60)).milliseconds
      _ = try await fixture.gateway.updateApiKey(
        UpdateApiKeyRequest(id: expired.id, expiresAt: later),
        options
      )
      #expect(try await fixture.verdict(on: expired).verdict == .valid)
      let fault = try await fault {
        try await fixture.gateway.updateApiKey(
          UpdateApiKeyRequest(id: retired.id, expiresAt: later),
          options
        )
      }
      #expect(fault.reason == .conflict)
      #expect(try await fixture.verdict(on: retired).verdict == .expired)
    }
  }

  /// What a key that is bound to 10.0.0.0/8 may have others allow.
  @Test(arguments: [
    (["10.1.0.0/16"], true), (["10.0.0.0/8", "10.2.0.0/16"], true), ([], false),
    (["10.0.0.0/7"], false), (["10.1.0.0/16", "192.0.2.0/24"], false), (["::/0"], false),
  ])
  @EventLoop func `a key hands on no place that it cannot be used from`(
    ranges: [String],
    isAllowed: Bool
  ) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let bound = try await fixture.gateway.createApiKey(
        CreateApiKeyRequest(name: "Bound", allowedAddresses: ["10.0.0.0/8"]),
        fixture.options(account)
      )
      let options = fixture.options(account, key: bound.id)
      let create = CreateApiKeyRequest(name: "New", allowedAddresses: ranges)
      let update = UpdateApiKeyRequest(
        id: bound.id,
        allowedAddresses: ranges,
        presentNames: ["allowedAddresses"]
      )
      let other = try await fixture.gateway.createApiKey(
        CreateApiKeyRequest(name: "Other", allowedAddresses: ranges),
        fixture.options(account)
      )
      let rotate = RotateApiKeyRequest(id: other.id)
      if isAllowed {
        let made = try await fixture.gateway.createApiKey(create, options)
        #expect(made.allowedAddresses == ranges)
        _ = try await fixture.gateway.rotateApiKey(rotate, options)
        _ = try await fixture.gateway.updateApiKey(update, options)
        return
      }
      for fault in [
        try await fault { try await fixture.gateway.createApiKey(create, options) },
        try await fault { try await fixture.gateway.updateApiKey(update, options) },
        try await fault { try await fixture.gateway.rotateApiKey(rotate, options) },
      ] {
        #expect(fault.reason == .forbidden)
      }
    }
  }

  /// How long after the calling key others may last that it makes, changes or rotates.
  @Test(arguments: [(-1, true), (0, true), (1, false), (nil, false)])
  @EventLoop func `a key hands on no day after its own end, but to its own successor`(
    later: Int64?,
    isAllowed: Bool
  ) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let end = (fixture.clock.now + .seconds(60)).milliseconds
      let caller = try await fixture.key(account, expiresAt: end)
      let options = fixture.options(account, key: caller.id)
      let wanted = later.map { end + $0 }
      let short = try await fixture.key(account, expiresAt: end - 1_000)
      let other = try await fixture.key(account, expiresAt: wanted)
      let update = UpdateApiKeyRequest(
        id: short.id,
        expiresAt: wanted,
        presentNames: ["expiresAt"]
      )
      let attempts: [@EventLoop () async throws -> Void] = [
        {
          let create = CreateApiKeyRequest(name: "New", expiresAt: wanted)
          _ = try await fixture.gateway.createApiKey(create, options)
        },
        { _ = try await fixture.gateway.updateApiKey(update, options) },
        {
          let rotate = RotateApiKeyRequest(id: other.id)
          _ = try await fixture.gateway.rotateApiKey(rotate, options)
        },
      ]
      for attempt in attempts {
        if isAllowed {
          try await attempt()
        } else {
          let refusal = try await fault(attempt)
          #expect(refusal.reason == .forbidden)
          #expect(refusal.message.contains("expiresAt"))
        }
      }
      // Itself it prolongs by a successor only, which everybody sees, and that lasts no longer than it did itself.
      let longer = UpdateApiKeyRequest(id: caller.id, expiresAt: end + 1)
      let refusal = try await fault { try await fixture.gateway.updateApiKey(longer, options) }
      #expect(refusal.reason == .forbidden)
      fixture.clock.advance(by: .seconds(10))
      let successor = try await fixture.gateway.rotateApiKey(
        RotateApiKeyRequest(id: caller.id),
        options
      )
      #expect(successor.expiresAt == end + 10_000)
      let longest = UpdateApiKeyRequest(id: successor.id, expiresAt: end + 10_000_000)
      let tooLong = try await fault { try await fixture.gateway.updateApiKey(longest, options) }
      #expect(tooLong.reason == .forbidden)
    }
  }

  @Test @EventLoop func `a preset stands for its scopes, and not beside others`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account)
      let made = try await fixture.gateway.createApiKey(
        CreateApiKeyRequest(name: "Shop", preset: .validateOnly),
        options
      )
      #expect(made.scopes == ["licenses:validate"] && !made.fullAccess)
      for request in [
        CreateApiKeyRequest(name: "n", scopes: ["licenses:read"], preset: .readOnly),
        CreateApiKeyRequest(name: "n", presentNames: ["scopes"], preset: .readOnly),
      ] {
        let fault = try await fault { try await fixture.gateway.createApiKey(request, options) }
        #expect(fault.issues.map(\.path) == [["preset"]])
      }
      let beyond = try await fault {
        try await fixture.gateway.createApiKey(
          CreateApiKeyRequest(name: "n", preset: .fulfilment),
          fixture.options(account, scopes: ["keys:write", "licenses:read"])
        )
      }
      #expect(beyond.reason == .forbidden)
    }
  }
}
