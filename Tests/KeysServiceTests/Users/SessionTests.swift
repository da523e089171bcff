import Cryptography
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@testable import KeysService

/// How long sessions live, and how their tokens are exchanged.
@Suite(.onLoop) struct SessionTests {
  @EventLoop private func rotate(_ token: String, _ fixture: KeysFixture) async throws -> String? {
    try await fixture.gatewayUsers.rotateSession(
      RotateSessionRequest(sha256: SHA256.hash(token))
    ).token
  }

  @Test @EventLoop func `only the hash of a token is kept`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let rows = try await fixture.test.open().read(
        "select sha256, kind from keys.user_tokens"
      )
      let (hash, kind) = try rows.single().values([UInt8].self, String.self)
      #expect(hash == SHA256.hash(member.token))
      #expect(kind == "session")
      #expect(try await !fixture.session("x").good)
    }
  }

  @Test @EventLoop func `a session that nobody uses ends after 30 minutes`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      // Used again and again it goes on, as uses are written.
      for _ in 0..<4 {
        fixture.clock.advance(by: .seconds(20 * 60))
        #expect(try await fixture.session(member.token).good)
        try await fixture.users.flushUses()
      }
      fixture.clock.advance(by: .seconds(30 * 60))
      #expect(try await !fixture.session(member.token).good)
      let listed = try await fixture.gatewayUsers.listSessions(
        ListSessionsRequest(),
        fixture.options(member)
      )
      #expect(listed.data.isEmpty)
    }
  }

  @Test @EventLoop func `a session ends after 12 hours, however it is used`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      var token = member.token
      for _ in 0..<(12 * 6 - 1) {
        fixture.clock.advance(by: .seconds(10 * 60))
        #expect(try await fixture.session(token).good)
        try await fixture.users.flushUses()
        if let next = try await self.rotate(token, fixture) { token = next }
      }
      #expect(token != member.token)
      fixture.clock.advance(by: .seconds(10 * 60))
      #expect(try await !fixture.session(token).good)
      #expect(try await self.rotate(token, fixture) == nil)
      try await fixture.users.sweep()
      let left: Int = try await fixture.test.open().read(
        "select (select count(*) from keys.sessions) + (select count(*) from keys.user_tokens)"
      ).single().value(0)
      #expect(left == 0)
    }
  }

  @Test @EventLoop func `a token is exchanged after 15 minutes, once, and goes on for a minute`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      #expect(try await self.rotate(member.token, fixture) == nil)
      fixture.clock.advance(by: .seconds(15 * 60))
      #expect(try await fixture.session(member.token).rotationDue == true)
      // Requests that come at once: one is given the new token.
      let tasks = (0..<8).map { _ in
        EventLoop.spawn { try? await self.rotate(member.token, fixture) }
      }
      var tokens: [String] = []
      for task in tasks { if let token = await task.value { tokens.append(token) } }
      #expect(tokens.count == 1)
      let successor = try #require(tokens.first)
      // Both work in the overlap, neither is due.
      for token in [member.token, successor] {
        let session = try await fixture.session(token)
        #expect(session.good && session.rotationDue == false)
        #expect(session.sessionId == member.sessionID.description)
      }
      fixture.clock.advance(by: .seconds(60))
      #expect(try await !fixture.session(member.token).good)
      #expect(try await fixture.session(successor).good)
      #expect(try await self.rotate(member.token, fixture) == nil)
    }
  }

  @Test @EventLoop func `a successor that got lost is made once more`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      fixture.clock.advance(by: .seconds(15 * 60))
      let lost = try #require(try await self.rotate(member.token, fixture))
      fixture.clock.advance(by: .seconds(9))
      #expect(try await self.rotate(member.token, fixture) == nil)
      fixture.clock.advance(by: .seconds(1))
      #expect(try await fixture.session(member.token).rotationDue == true)
      let second = try #require(try await self.rotate(member.token, fixture))
      #expect(second != lost)
      fixture.clock.advance(by: .seconds(60))
      #expect(try await !fixture.session(member.token).good)
      #expect(try await !fixture.session(lost).good)
      #expect(try await fixture.session(second).good)
    }
  }

  @Test @EventLoop func `one's own sessions are listed and ended, and nobody else's`() async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let member = try await fixture.join(account)
      let other = try await fixture.join(account)
      fixture.clock.advance(by: .milliseconds(1))
      let second = try await fixture.login(member.email, from: "2001:db8::1")
      let client = try fixture.gatewayUsers
      let options = fixture.options(member)
      let listed = try await client.listSessions(ListSessionsRequest(), options).data
      #expect(listed.map(\.current) == [false, true])
      #expect(listed.map(\.clientAddress) == ["2001:db8::1", KeysFixture.home])
      #expect(listed.last?.id == member.sessionID.description)
      let refusal = try await fault {
        try await client.revokeSession(
          RevokeSessionRequest(id: other.sessionID.description),
          options
        )
      }
      #expect(refusal.code == .notFound)
      #expect(try await fixture.session(other.token).good)
      let (_, cookie): (RevokeSessionResponse, String?) = try await fixture.call(
        UsersMethods.revokeSession,
        RevokeSessionRequest(id: listed[0].id),
        options
      )
      #expect(cookie == nil)
      #expect(try await !fixture.session(try #require(second.token)).good)
      let (_, taken): (RevokeSessionResponse, String?) = try await fixture.call(
        UsersMethods.revokeSession,
        RevokeSessionRequest(id: member.sessionID.description),
        options
      )
      #expect(taken?.isEmpty == true)
      #expect(try await !fixture.session(member.token).good)
    }
  }

  @Test @EventLoop func `another password ends the other sessions and exchanges the token`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let other = try #require(try await fixture.login(member.email).token)
      let (_, token): (ChangePasswordResponse, String?) = try await fixture.call(
        UsersMethods.changePassword,
        ChangePasswordRequest(
          currentPassword: KeysFixture.password,
          newPassword: "a donkey in the garden"
        ),
        fixture.options(member)
      )
      #expect(try await !fixture.session(other).good)
      // Whoever has read the old token must not have it exchanged either.
      #expect(try await !fixture.session(member.token).good)
      fixture.clock.advance(by: .seconds(11))
      #expect(try await self.rotate(member.token, fixture) == nil)
      let session = try await fixture.session(try #require(token))
      #expect(session.good && session.sessionId == member.sessionID.description)
      _ = try await fault { try await fixture.login(member.email) }
      let again = try await fixture.login(member.email, "a donkey in the garden")
      #expect(again.answer.status == .loggedIn)
      #expect(try await fixture.actions().contains("user.changePassword"))
    }
  }

  @Test @EventLoop func `a session of two processes is one session`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let replica = try fixture.usersReplica()
      try await ServedRPC.with("keys", register: { replica.register(on: $0) }) { served in
        let client = UsersClient(try served.channel(as: "gateway"))
        let request = AuthenticateSessionRequest(sha256: SHA256.hash(member.token))
        #expect(try await client.authenticateSession(request).good)
        _ = try await client.logout(LogoutRequest(), fixture.options(member))
        #expect(try await !fixture.session(member.token).good)
      }
    }
  }
}
