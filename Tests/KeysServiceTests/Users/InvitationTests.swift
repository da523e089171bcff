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

/// How users come, and come back.
@Suite(.onLoop) struct InvitationTests {
  @EventLoop private func accept(
    _ fixture: KeysFixture,
    _ token: String,
    _ password: String = KeysFixture.password
  ) async throws -> (User, token: String?) {
    try await fixture.call(
      UsersMethods.acceptInvitation,
      AcceptInvitationRequest(token: token, name: "Ada", password: password),
      fixture.nobody()
    )
  }

  @Test @EventLoop func `an invitation makes a user once, who is logged in`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let invitation = try await fixture.invitation(account, .owner, "Ada@Example.com")
      #expect(invitation.email == "ada@example.com")
      #expect(invitation.invitedBy == nil)
      let prefix = "https://latchkey.example/invitations#"
      #expect(invitation.link?.hasPrefix(prefix) == true)
      let token = try fixture.token(of: invitation.link)
      let (user, session) = try await self.accept(fixture, token)
      #expect(user.email == "ada@example.com" && user.role == .owner && user.name == "Ada")
      #expect(try await fixture.session(try #require(session)).good)
      let again = try await fault { try await self.accept(fixture, token) }
      #expect(again.reason == .unauthorized)
    }
  }

  @Test @EventLoop func `of two who accept at once, one becomes the user`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let token = try fixture.token(of: try await fixture.invitation(account, .support).link)
      let tasks = (0..<4).map { _ in
        EventLoop.spawn { (try? await self.accept(fixture, token)) != nil }
      }
      var count = 0
      for task in tasks where await task.value { count += 1 }
      #expect(count == 1)
      let users: Int = try await fixture.test.open().read("select count(*) from keys.users")
        .single().value(0)
      #expect(users == 1)
    }
  }

  @Test @EventLoop func `a link works for seven days, until it is taken back`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let client = try fixture.gatewayUsers
      let options = fixture.options(owner)
      let made = try await client.createInvitation(
        CreateInvitationRequest(email: "b@example.com", role: .admin),
        options
      )
      #expect(made.invitedBy == owner.id.description)
      let listed = try await client.listInvitations(ListInvitationsRequest(), options).data
      #expect(listed.map(\.id) == [made.id])
      #expect(listed[0].link == nil)
      _ = try await client.revokeInvitation(RevokeInvitationRequest(id: made.id), options)
      let revoked = try await fault {
        try await self.accept(fixture, try fixture.token(of: made.link))
      }
      #expect(revoked.reason == .unauthorized)
      let gone = try await fault {
        try await client.revokeInvitation(RevokeInvitationRequest(id: made.id), options)
      }
      #expect(gone.code == .notFound)
      let late = try await fixture.invitation(account, .support)
      fixture.clock.advance(by: .seconds(7 * 86_400))
      let expired = try await fault {
        try await self.accept(fixture, try fixture.token(of: late.link))
      }
      #expect(expired.message == revoked.message)
      #expect(try await client.listInvitations(ListInvitationsRequest(), options).data.isEmpty)
    }
  }

  @Test @EventLoop func `a password that is too easy leaves the invitation as it is`() async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let token = try fixture.token(of: try await fixture.invitation(account, .support).link)
      let easy = try await fault { try await self.accept(fixture, token, "password1234") }
      #expect(easy.issues.map(\.path) == [["password"]])
      let short = try await fault { try await self.accept(fixture, token, "short") }
      #expect(short.issues.map(\.path) == [["password"]])
      _ = try await self.accept(fixture, token)
    }
  }

  @Test @EventLoop func `an address is one user's, in the whole deployment`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let other = try await fixture.account("Rival")
      let owner = try await fixture.join(account, email: "ada@example.com")
      // One's own account says so at once.
      let own = try await fault {
        try await fixture.invitation(account, .support, "ADA@example.com")
      }
      #expect(own.reason == .conflict)
      // Another account does not tell; whoever holds the link is told.
      let elsewhere = try await fixture.invitation(other, .owner, "ada@example.com")
      let taken = try await fault {
        try await self.accept(fixture, try fixture.token(of: elsewhere.link))
      }
      #expect(taken.reason == .conflict)
      // Once the user is gone, the address is free, and the link still there.
      let second = try await fixture.join(account)
      _ = try await fixture.gatewayUsers.deleteUser(
        DeleteUserRequest(id: owner.id.description),
        fixture.options(second)
      )
      _ = try await self.accept(fixture, try fixture.token(of: elsewhere.link))
    }
  }

  @Test @EventLoop func `the operator invites to accounts that there are`() async throws {
    try await KeysFixture.with { fixture in
      let refusal = try await fault { try await fixture.invitation(UUID.v7(), .owner) }
      #expect(refusal.code == .notFound)
    }
  }

  @Test @EventLoop func `a link sets another password once, and ends all sessions`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let member = try await fixture.join(account, .developer)
      let client = try fixture.gatewayUsers
      let request = CreatePasswordResetRequest(id: member.id.description)
      let first = try await client.createPasswordReset(request, fixture.options(owner))
      let second = try await client.createPasswordReset(request, fixture.options(owner))
      #expect(second.link?.hasPrefix("https://latchkey.example/password-resets#") == true)
      @EventLoop func accept(_ reset: PasswordReset, _ password: String) async throws {
        let token = try fixture.token(of: reset.link)
        _ = try await client.acceptPasswordReset(
          AcceptPasswordResetRequest(token: token, password: password),
          fixture.nobody()
        )
      }
      let replaced = try await fault { try await accept(first, "a donkey in the garden") }
      #expect(replaced.reason == .unauthorized)
      let easy = try await fault { try await accept(second, "passwordpassword") }
      #expect(easy.issues.map(\.path) == [["password"]])
      try await accept(second, "a donkey in the garden")
      #expect(try await !fixture.session(member.token).good)
      #expect(try await fixture.session(owner.token).good)
      _ = try await fault { try await accept(second, "a mule in the garden") }
      _ = try await fault { try await fixture.login(member.email) }
      let login = try await fixture.login(member.email, "a donkey in the garden")
      #expect(login.answer.status == .loggedIn)
      let late = try await client.createPasswordReset(request, fixture.options(owner))
      fixture.clock.advance(by: .seconds(86_400))
      _ = try await fault { try await accept(late, "a mule in the garden") }
      let lines = try await fixture.log().filter { $0.action == "user.resetPassword" }
      #expect(lines.map(\.actor.id) == [member.id.description])
    }
  }

  @Test @EventLoop func `tokens of one kind are none of another`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let invitation = try await fixture.invitation(account, .owner)
      let token = try fixture.token(of: invitation.link)
      #expect(try await !fixture.session(token).good)
      for wrong in [owner.token, "x", OpaqueToken.generate().text] {
        let refusal = try await fault { try await self.accept(fixture, wrong) }
        #expect(refusal.reason == .unauthorized)
      }
      let reset = try await fault {
        try await fixture.gatewayUsers.acceptPasswordReset(
          AcceptPasswordResetRequest(token: token, password: KeysFixture.password),
          fixture.nobody()
        )
      }
      #expect(reset.reason == .unauthorized)
    }
  }
}
