import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct RotateApiKeyTests {
  private static let daySeconds: Int64 = 24 * 60 * 60

  @Test @EventLoop func `the successor has the same settings, and is shown once`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account)
      let end = fixture.clock.now + .seconds(90 * Self.daySeconds)
      let old = try await fixture.gateway.createApiKey(
        CreateApiKeyRequest(
          name: "Shop",
          scopes: ["licenses:read"],
          expiresAt: end.milliseconds,
          allowedAddresses: ["203.0.113.0/24"]
        ),
        options
      )
      fixture.clock.advance(by: .seconds(80 * Self.daySeconds))
      let new = try await fixture.gateway.rotateApiKey(RotateApiKeyRequest(id: old.id), options)
      #expect(new.key != nil && new.key != old.key)
      #expect(new.name == "Shop" && new.environment == old.environment)
      #expect(new.scopes == ["licenses:read"] && !new.fullAccess)
      #expect(new.allowedAddresses == ["203.0.113.0/24"])
      #expect(new.replaces == old.id && new.replacedBy == nil && new.retiresAt == nil)
      // It lives as long as the old one was made to.
      let renewed = fixture.clock.now + .seconds(90 * Self.daySeconds)
      #expect(new.expiresAt == renewed.milliseconds)
      var shown = new
      shown.key = nil
      #expect(try await fixture.shown(new, account) == shown)
      let retired = try await fixture.shown(old, account)
      let retirement = fixture.clock.now + .seconds(Self.daySeconds)
      #expect(retired.replacedBy == new.id && retired.retiresAt == retirement.milliseconds)
      #expect(retired.expiresAt == retirement.milliseconds)
    }
  }

  @Test(arguments: [0, 1, 86_400, 2_592_000] as [Int32])
  @EventLoop func `both keys work in the overlap, then the new one`(overlap: Int32) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let old = try await fixture.key(account)
      let new = try await fixture.gateway.rotateApiKey(
        RotateApiKeyRequest(id: old.id, overlapSeconds: overlap),
        fixture.options(account)
      )
      #expect(try await fixture.verdict(on: new).verdict == .valid)
      fixture.clock.advance(by: .milliseconds(Int64(overlap) * 1_000 - 1))
      if overlap > 0 { #expect(try await fixture.verdict(on: old).verdict == .valid) }
      fixture.clock.advance(by: .milliseconds(1))
      #expect(try await fixture.verdict(on: old).verdict == .expired)
      #expect(try await fixture.verdict(on: new).verdict == .valid)
    }
  }

  @Test @EventLoop func `a key never stops later than it would have`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let end = fixture.clock.now + .seconds(60)
      let old = try await fixture.key(account, expiresAt: end.milliseconds)
      _ = try await fixture.gateway.rotateApiKey(
        RotateApiKeyRequest(id: old.id),
        fixture.options(account)
      )
      #expect(try await fixture.shown(old, account).retiresAt == end.milliseconds)
    }
  }

  @Test @EventLoop func `what has ended or was rotated cannot be rotated`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account)
      let end = fixture.clock.now + .seconds(1)
      let expired = try await fixture.key(account, expiresAt: end.milliseconds)
      let revoked = try await fixture.key(account)
      _ = try await fixture.gateway.revokeApiKey(RevokeApiKeyRequest(id: revoked.id), options)
      let rotated = try await fixture.key(account)
      _ = try await fixture.gateway.rotateApiKey(RotateApiKeyRequest(id: rotated.id), options)
      fixture.clock.advance(by: .seconds(1))
      for key in [expired, revoked, rotated] {
        let fault = try await fault {
          try await fixture.gateway.rotateApiKey(RotateApiKeyRequest(id: key.id), options)
        }
        #expect(fault.reason == .conflict)
      }
    }
  }

  @Test @EventLoop func `of two rotations at once one is refused`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let old = try await fixture.key(account)
      let (gateway, options) = (try fixture.gateway, fixture.options(account))
      let attempts = (0..<2).map { _ in
        EventLoop.spawn {
          try? await gateway.rotateApiKey(RotateApiKeyRequest(id: old.id), options)
        }
      }
      var made: [String] = []
      for attempt in attempts { if let key = await attempt.value { made.append(key.id) } }
      #expect(made.count == 1)
      #expect(try await fixture.shown(old, account).replacedBy == made.first)
    }
  }

  /// Who may not rotate or change a key: with which scopes the caller is refused.
  @Test(arguments: [["keys:write"], ["keys:write", "licenses:write"]])
  @EventLoop func `a key that may do more than the caller is left alone`(
    scopes: [String]
  ) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account, scopes: scopes)
      for stronger in [
        try await fixture.key(account),
        try await fixture.key(account, scopes: ["licenses:read", "licenses:write"]),
      ] {
        let rotate = try await fault {
          try await fixture.gateway.rotateApiKey(RotateApiKeyRequest(id: stronger.id), options)
        }
        let update = try await fault {
          try await fixture.gateway.updateApiKey(
            UpdateApiKeyRequest(id: stronger.id, name: "Mine"),
            options
          )
        }
        #expect(rotate.reason == .forbidden && update.reason == .forbidden)
        #expect(try await fixture.shown(stronger, account).replacedBy == nil)
      }
    }
  }

  @Test @EventLoop func `a repeated request rotates once, and both keys leave a line`() async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let old = try await fixture.key(account)
      var options = fixture.options(account)
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      fixture.clock.advance(by: .milliseconds(1))
      let request = RotateApiKeyRequest(id: old.id)
      let new = try await fixture.gateway.rotateApiKey(request, options)
      #expect(try await fixture.gateway.rotateApiKey(request, options) == new)
      let lines = try await fixture.log().suffix(2)
      #expect(Set(lines.map(\.action)) == ["apiKey.rotate", "apiKey.create"])
      #expect(Set(lines.map(\.resourceId)) == [old.id, new.id])
      let secret = try #require(new.key)
      for line in lines {
        let text = String(decoding: (line.before ?? []) + (line.after ?? []), as: UTF8.self)
        #expect(!text.contains(secret))
      }
    }
  }
}
