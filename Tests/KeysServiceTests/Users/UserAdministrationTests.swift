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

/// What users do to each other, and may not.
@Suite(.onLoop) struct UserAdministrationTests {
  @EventLoop private func update(
    _ fixture: KeysFixture,
    _ target: Member,
    by actor: Member,
    role: Role? = nil,
    name: String? = nil,
    disabled: Bool? = nil
  ) async throws -> User {
    try await fixture.gatewayUsers.updateUser(
      UpdateUserRequest(id: target.id.description, name: name, role: role, disabled: disabled),
      fixture.options(actor)
    )
  }

  /// Every role as actor, every role as target, every role as what the target is to become.
  @Test @EventLoop func `nobody touches a user above, nor gives a role above their own`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      // An owner who stays, so that no rule about the last one comes in between.
      _ = try await fixture.join(account)
      for actorRole in [Role.owner, .admin] {
        let actor = try await fixture.join(account, actorRole)
        for before in Role.allCases {
          for after in Role.allCases {
            let target = try await fixture.join(account, before)
            let isAllowed = actorRole == .owner || (before != .owner && after != .owner)
            let outcome: User? = try? await self.update(fixture, target, by: actor, role: after)
            #expect(
              outcome?.role == (isAllowed ? after : nil),
              "\(actorRole.stored) makes \(before.stored) \(after.stored)"
            )
          }
          let target = try await fixture.join(account, before)
          let client = try fixture.gatewayUsers
          let id = target.id.description
          let isAllowed = actorRole == .owner || before != .owner
          let reset = try? await client.createPasswordReset(
            CreatePasswordResetRequest(id: id),
            fixture.options(actor)
          )
          #expect((reset != nil) == isAllowed)
          let invitation = try? await client.createInvitation(
            CreateInvitationRequest(email: "\(UUID.v7())@example.com", role: before),
            fixture.options(actor)
          )
          #expect((invitation != nil) == isAllowed)
          let deletion = try? await client.deleteUser(
            DeleteUserRequest(id: id),
            fixture.options(actor)
          )
          #expect((deletion != nil) == isAllowed)
          #expect(try await fixture.session(target.token).good == !isAllowed)
        }
      }
    }
  }

  /// Those below have not even the scope; the service is not asked.
  @Test(arguments: [Role.developer, .support, .readOnly])
  @EventLoop func `only owners and admins manage users`(role: Role) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let member = try await fixture.join(account, role)
      let other = try await fixture.join(account, .readOnly)
      let client = try fixture.gatewayUsers
      let options = fixture.options(member)
      let id = other.id.description
      for body: @EventLoop () async throws -> Void in [
        { _ = try await client.listUsers(ListUsersRequest(), options) },
        { _ = try await client.getUser(GetUserRequest(id: id), options) },
        { _ = try await client.updateUser(UpdateUserRequest(id: id), options) },
        { _ = try await client.deleteUser(DeleteUserRequest(id: id), options) },
        { _ = try await client.listInvitations(ListInvitationsRequest(), options) },
        {
          _ = try await client.createInvitation(
            CreateInvitationRequest(email: "a@b.example", role: .readOnly),
            options
          )
        },
        { _ = try await client.createPasswordReset(CreatePasswordResetRequest(id: id), options) },
        { _ = try await client.resetSecondFactor(ResetSecondFactorRequest(id: id), options) },
      ] {
        #expect(try await fault(body).reason == .forbidden)
      }
    }
  }

  /// A session alone, which somebody may have stolen, must not give its user another password.
  @Test(arguments: Role.allCases)
  @EventLoop func `nobody is helped by themselves`(role: Role) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let member = try await fixture.join(account, role)
      _ = try await fixture.enableSecondFactor(member)
      let client = try fixture.gatewayUsers
      let id = member.id.description
      let attempts: [@EventLoop () async throws -> Void] = [
        {
          let request = CreatePasswordResetRequest(id: id)
          _ = try await client.createPasswordReset(request, fixture.options(member))
        },
        {
          let request = ResetSecondFactorRequest(id: id)
          _ = try await client.resetSecondFactor(request, fixture.options(member))
        },
      ]
      for attempt in attempts {
        let refusal = try await fault(attempt)
        let isManager = role == .owner || role == .admin
        #expect(refusal.reason == (isManager ? .businessRuleViolation : .forbidden))
        #expect(!isManager || refusal.message.contains("/api/dashboard/me/"))
      }
      #expect(try await fixture.login(member.email).answer.status == .secondFactorNeeded)
    }
  }

  /// A gateway may have asked half a second before.
  @Test @EventLoop func `who was locked out a moment ago can do nothing`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let admin = try await fixture.join(account, .admin)
      let other = try await fixture.join(account, .support)
      let client = try fixture.gatewayUsers
      let made = try await client.createInvitation(
        CreateInvitationRequest(email: "b@example.com", role: .support),
        fixture.options(owner)
      )
      _ = try await self.update(fixture, admin, by: owner, disabled: true)
      let options = fixture.options(admin)
      let id = other.id.description
      let attempts: [@EventLoop () async throws -> Void] = [
        { _ = try await self.update(fixture, other, by: admin, role: .admin) },
        { _ = try await client.deleteUser(DeleteUserRequest(id: id), options) },
        { _ = try await client.createPasswordReset(CreatePasswordResetRequest(id: id), options) },
        { _ = try await client.resetSecondFactor(ResetSecondFactorRequest(id: id), options) },
        {
          let request = CreateInvitationRequest(email: "c@example.com", role: .admin)
          _ = try await client.createInvitation(request, options)
        },
        { _ = try await client.revokeInvitation(RevokeInvitationRequest(id: made.id), options) },
        { _ = try await client.updateMe(UpdateMeRequest(name: "Eve"), options) },
        {
          let request = ChangePasswordRequest(
            currentPassword: KeysFixture.password,
            newPassword: "a donkey in the garden"
          )
          _ = try await client.changePassword(request, options)
        },
        {
          let request = BeginSecondFactorRequest(password: KeysFixture.password)
          _ = try await client.beginSecondFactor(request, options)
        },
      ]
      for attempt in attempts { #expect(try await fault(attempt).reason == .unauthorized) }
    }
  }

  /// What becomes of somebody whose session was stolen, and who then has made links.
  enum Fall: CaseIterable {
    case lockedOut, demoted, removed
  }

  @Test(arguments: Fall.allCases)
  @EventLoop func `links go with their maker's say`(fall: Fall) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let admin = try await fixture.join(account, .admin)
      let other = try await fixture.join(account, .support)
      let client = try fixture.gatewayUsers
      @EventLoop func links(_ actor: Member, _ name: String) async throws -> (
        Invitation, PasswordReset
      ) {
        let request = CreateInvitationRequest(email: "\(name)@example.com", role: .support)
        let invitation = try await client.createInvitation(request, fixture.options(actor))
        let reset = try await client.createPasswordReset(
          CreatePasswordResetRequest(id: (actor.id == owner.id ? admin : other).id.description),
          fixture.options(actor)
        )
        return (invitation, reset)
      }
      let kept = try await links(owner, "kept").0
      let (invitation, reset) = try await links(admin, "gone")
      switch fall {
      case .lockedOut: _ = try await self.update(fixture, admin, by: owner, disabled: true)
      case .demoted: _ = try await self.update(fixture, admin, by: owner, role: .support)
      case .removed:
        let request = DeleteUserRequest(id: admin.id.description)
        _ = try await client.deleteUser(request, fixture.options(owner))
      }
      @EventLoop func accept(_ invitation: Invitation) async throws {
        let request = AcceptInvitationRequest(
          token: try fixture.token(of: invitation.link),
          name: "Eve",
          password: KeysFixture.password
        )
        _ = try await client.acceptInvitation(request, fixture.nobody())
      }
      let barred = try await fault { try await accept(invitation) }
      #expect(barred.reason == .unauthorized)
      let refused = try await fault {
        let request = AcceptPasswordResetRequest(
          token: try fixture.token(of: reset.link),
          password: "a donkey in the garden"
        )
        _ = try await client.acceptPasswordReset(request, fixture.nobody())
      }
      #expect(refused.reason == .unauthorized)
      try await accept(kept)
      let revoked = try await fixture.log().filter { $0.action == "invitation.revoke" }
      #expect(revoked.map(\.resourceId) == [invitation.id])
      #expect(revoked.first?.actor.id == owner.id.description)
    }
  }

  @Test @EventLoop func `the last owner stays owner, and can come and go no more`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let disabled = try await fixture.join(account)
      _ = try await self.update(fixture, disabled, by: owner, disabled: true)
      let attempts: [@EventLoop () async throws -> Void] = [
        { _ = try await self.update(fixture, owner, by: owner, role: .admin) },
        { _ = try await self.update(fixture, owner, by: owner, disabled: true) },
        {
          _ = try await fixture.gatewayUsers.deleteUser(
            DeleteUserRequest(id: owner.id.description),
            fixture.options(owner)
          )
        },
      ]
      for attempt in attempts {
        let refusal = try await fault(attempt)
        #expect(refusal.reason == .businessRuleViolation)
      }
      // Another one who can log in sets the first free.
      _ = try await self.update(fixture, disabled, by: owner, disabled: false)
      _ = try await self.update(fixture, owner, by: owner, role: .admin)
    }
  }

  /// Owners who remove each other at the same moment.
  @Test @EventLoop func `races leave an owner`() async throws {
    try await KeysFixture.with { fixture in
      for round in 0..<5 {
        let account = try await fixture.account()
        let owners = [try await fixture.join(account), try await fixture.join(account)]
        let tasks = [(0, 1), (1, 0), (0, 0), (1, 1)].map { (actor, target) in
          EventLoop.spawn {
            if round.isMultiple(of: 2) {
              _ = try? await fixture.gatewayUsers.deleteUser(
                DeleteUserRequest(id: owners[target].id.description),
                fixture.options(owners[actor])
              )
            } else {
              _ = try? await self.update(fixture, owners[target], by: owners[actor], role: .support)
            }
          }
        }
        for task in tasks { await task.value }
        let left: Int = try await fixture.test.open().read(
          "select count(*) from keys.users where account_id = \(account) and role = 'owner'"
        ).single().value(0)
        #expect(left == 1)
      }
    }
  }

  @Test @EventLoop func `another role counts at once, with another token`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let member = try await fixture.join(account, .developer)
      _ = try await self.update(fixture, member, by: owner, role: .readOnly)
      let session = try await fixture.session(member.token)
      #expect(session.good && session.rotationDue == true)
      #expect(session.liveScopes == Role.readOnly.scopes(in: .live))
    }
  }

  @Test @EventLoop func `who is locked out has no session, and can be let in again`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let member = try await fixture.join(account, .developer)
      let locked = try await self.update(fixture, member, by: owner, disabled: true)
      #expect(locked.disabledAt == fixture.clock.now.milliseconds)
      #expect(try await !fixture.session(member.token).good)
      _ = try await fault { try await fixture.login(member.email) }
      let free = try await self.update(fixture, member, by: owner, disabled: false)
      #expect(free.disabledAt == nil)
      #expect(try await fixture.login(member.email).answer.status == .loggedIn)
    }
  }

  @Test @EventLoop func `users of another account are not there`() async throws {
    try await KeysFixture.with { fixture in
      let owner = try await fixture.join(try await fixture.account())
      let stranger = try await fixture.join(try await fixture.account("Rival"), .readOnly)
      let client = try fixture.gatewayUsers
      let options = fixture.options(owner)
      let id = stranger.id.description
      for body: @EventLoop () async throws -> Void in [
        { _ = try await client.getUser(GetUserRequest(id: id), options) },
        { _ = try await client.updateUser(UpdateUserRequest(id: id, name: "x"), options) },
        { _ = try await client.deleteUser(DeleteUserRequest(id: id), options) },
        { _ = try await client.createPasswordReset(CreatePasswordResetRequest(id: id), options) },
        { _ = try await client.resetSecondFactor(ResetSecondFactorRequest(id: id), options) },
        {
          _ = try await client.revokeSession(
            RevokeSessionRequest(id: stranger.sessionID.description),
            options
          )
        },
      ] {
        #expect(try await fault(body).code == .notFound)
      }
      let listed = try await client.listUsers(ListUsersRequest(), options).data
      #expect(listed.map(\.id) == [owner.id.description])
      #expect(try await fixture.session(stranger.token).good)
    }
  }

  @Test @EventLoop func `changes are audited by their actor; what changes nothing is not`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let member = try await fixture.join(account, .developer)
      let start = try await fixture.log().count
      fixture.clock.advance(by: .milliseconds(1))
      _ = try await self.update(fixture, member, by: owner, name: "Grace")
      _ = try await self.update(fixture, member, by: owner, name: "Grace")
      fixture.clock.advance(by: .milliseconds(1))
      _ = try await fixture.gatewayUsers.updateMe(
        UpdateMeRequest(name: "G."),
        fixture.options(member)
      )
      fixture.clock.advance(by: .milliseconds(1))
      _ = try await fixture.gatewayUsers.deleteUser(
        DeleteUserRequest(id: member.id.description),
        fixture.options(owner)
      )
      let lines = try await fixture.log().dropFirst(start)
      #expect(
        lines.map(\.action).sorted() == [
          "session.end", "user.delete", "user.update", "user.update",
        ]
      )
      let byUser = Set(lines.map(\.actor.id))
      #expect(byUser == [owner.id.description, member.id.description])
      #expect(lines.allSatisfy { $0.actor.kind == .user })
    }
  }

  @Test @EventLoop func `a user is told who they are and what they may do`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account("Atelier")
      let member = try await fixture.join(account, .developer)
      _ = try await fixture.enableSecondFactor(member)
      let me = try await fixture.gatewayUsers.getMe(GetMeRequest(), fixture.options(member))
      #expect(me.user.id == member.id.description)
      #expect(me.accountName == "Atelier" && me.accountId == account.description)
      #expect(me.testScopes.contains("keys:write") && !me.liveScopes.contains("keys:write"))
      #expect(me.recoveryCodesLeft == 10)
      #expect(me.sessionId == member.sessionID.description)
    }
  }
}
