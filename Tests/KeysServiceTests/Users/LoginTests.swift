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

/// Logging in by address and password.
@Suite(.onLoop) struct LoginTests {
  @Test @EventLoop func `a user logs in, in either case of the address`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let member = try await fixture.join(account, .developer, email: "Ada@Example.com")
      #expect(member.email == "ada@example.com")
      let outcome = try await fixture.login("ADA@example.COM")
      #expect(outcome.answer.status == .loggedIn)
      #expect(outcome.answer.user?.id == member.id.description)
      #expect(outcome.answer.user?.lastLoginAt == fixture.clock.now.milliseconds)
      #expect(outcome.answer.challenge == nil)
      let session = try await fixture.session(try #require(outcome.token))
      #expect(session.good)
      #expect(session.userId == member.id.description)
      #expect(session.accountId == account.description)
      #expect(session.liveScopes == Role.developer.scopes(in: .live))
      #expect(session.testScopes == Role.developer.scopes(in: .test))
      #expect(session.rotationDue == false)
      #expect(session.sessionId != member.sessionID.description)
    }
  }

  /// Whoever cannot log in, and why; none of it may show.
  enum Failure: CaseIterable {
    case unknownAddress, wrongPassword, disabled, deleted, wrongPasswordOfDisabled
  }

  /// The same answer and the same work: one look-up of the address, one Argon2id.
  @Test(arguments: Failure.allCases)
  @EventLoop func `every failure has one answer and costs one Argon2id`(failure: Failure)
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let member = try await fixture.join(account, .support, email: "ada@example.com")
      let admin = try fixture.gatewayUsers
      var email = "ada@example.com"
      var password = KeysFixture.password
      switch failure {
      case .unknownAddress: email = "eve@example.com"
      case .wrongPassword: password += "!"
      case .disabled, .wrongPasswordOfDisabled:
        _ = try await admin.updateUser(
          UpdateUserRequest(id: member.id.description, disabled: true),
          fixture.options(owner)
        )
        if failure == .wrongPasswordOfDisabled { password += "!" }
      case .deleted:
        _ = try await admin.deleteUser(
          DeleteUserRequest(id: member.id.description),
          fixture.options(owner)
        )
      }
      let before = fixture.users.passwords.computations
      let (typed, tried) = (password, email)
      let refusal = try await fault { try await fixture.login(tried, typed) }
      #expect(fixture.users.passwords.computations == before + 1)
      #expect(refusal.code == .unauthenticated && refusal.reason == .unauthorized)
      #expect(refusal.message == "The e-mail address, the password or the code is wrong")
      #expect(refusal.issues.isEmpty && refusal.facts.isEmpty)
    }
  }

  @Test @EventLoop func `a good login costs one Argon2id as well`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let before = fixture.users.passwords.computations
      _ = try await fixture.login(member.email)
      #expect(fixture.users.passwords.computations == before + 1)
    }
  }

  @Test @EventLoop func `a hash of another cost is made anew at the next login`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let dearer = Argon2id.Cost(passes: 2, memoryKiB: 16)
      let raised = try fixture.usersReplica(passwordCost: dearer)
      @EventLoop func hash() async throws -> String {
        try await fixture.test.open().read(
          "select password_hash from keys.users where id = \(member.id)"
        ).single().value(0)
      }
      #expect(try await hash().contains("m=8,t=1,p=1"))
      try await ServedRPC.with("keys", register: { raised.register(on: $0) }) { served in
        let client = UsersClient(try served.channel(as: "gateway"))
        let wrong = LoginRequest(email: member.email, password: "another one at all")
        _ = try await fault { try await client.login(wrong, fixture.nobody()) }
        #expect(try await hash().contains("m=8,t=1,p=1"))
        let right = LoginRequest(email: member.email, password: KeysFixture.password)
        _ = try await client.login(right, fixture.nobody())
        let raisedHash = try await hash()
        #expect(raisedHash.contains("m=16,t=2,p=1"))
        _ = try await client.login(right, fixture.nobody())
        #expect(try await hash() == raisedHash)
      }
    }
  }

  /// The bound on memory: two are computed at a time, and a queue has an end.
  @Test @EventLoop func `a flood of logins is refused in part and leaves the rest served`()
    async throws
  {
    let passwords = Passwords(cost: KeysFixture.cheapCost)
    let tasks = (0..<100).map { _ in
      EventLoop.spawn { () -> Fault.Code? in
        do throws(Fault) {
          _ = try await passwords.verify("p", against: nil)
          return nil
        } catch {
          return error.code
        }
      }
    }
    var codes: [Fault.Code?] = []
    for task in tasks { codes.append(await task.value) }
    let served = codes.count { $0 == nil }
    #expect(served >= 34, "two running and 32 waiting at least")
    #expect(codes.allSatisfy { $0 == nil || $0 == .unavailable })
    #expect(passwords.computations == served)
    #expect(try await !passwords.verify("p", against: nil))
  }

  @Test @EventLoop func `a login is in the audit log by its user, and no secret is`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let member = try await fixture.join(account)
      let outcome = try await fixture.login(member.email)
      _ = try await fault { try await fixture.login(member.email, "wrong, for certain") }
      _ = try await fixture.gatewayUsers.logout(LogoutRequest(), fixture.options(member))
      let lines = try await fixture.log()
      #expect(
        lines.map(\.action) == [
          "account.create", "invitation.create", "user.create", "session.create",
          "session.create", "session.end",
        ]
      )
      let byUser = AuditEvent.Actor(kind: .user, id: member.id.description)
      #expect(lines.dropFirst(2).allSatisfy { $0.actor == byUser })
      #expect(lines[4].clientAddress == KeysFixture.home)
      let stored: [UInt8] = try await fixture.test.open().read(
        "select string_agg(entry, '') from changes.audit_entries"
      ).single().value(0)
      let text = String(decoding: stored, as: UTF8.self)
      for secret in [KeysFixture.password, member.token, try #require(outcome.token), "argon2"] {
        #expect(!text.contains(secret))
      }
    }
  }

  @Test @EventLoop func `a user has 20 sessions at most, and the oldest ends`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      for _ in 0..<20 {
        fixture.clock.advance(by: .milliseconds(1))
        _ = try await fixture.login(member.email)
      }
      #expect(try await !fixture.session(member.token).good)
      let listed = try await fixture.gatewayUsers.listSessions(
        ListSessionsRequest(limit: 100),
        fixture.options(member)
      )
      #expect(listed.data.count == 20)
    }
  }
}
