import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@testable import KeysService

private let id = UUID.v7().description
private let hash = [UInt8](repeating: 0, count: 32)

/// Who a method of the users service is for.
enum Audience {
  /// The gateway itself, or what it passes on from anybody.
  case gateway
  case `operator`
  /// A user who is logged in, with a scope where there is one.
  case user(scope: String?)
}

/// One method, and who may call it.
struct UsersAccessRow: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var audience: Audience
  var ask: @EventLoop @Sendable (UsersClient, CallOptions) async throws -> Void

  init(
    _ name: String,
    _ audience: Audience,
    _ ask: @escaping @EventLoop @Sendable (UsersClient, CallOptions) async throws -> Void
  ) {
    testDescription = name
    self.audience = audience
    self.ask = ask
  }
}

private let password = "a horse in the garden"

private let rows = [
  UsersAccessRow("AuthenticateSession", .gateway) {
    _ = try await $0.authenticateSession(AuthenticateSessionRequest(sha256: hash), $1)
  },
  UsersAccessRow("RotateSession", .gateway) {
    _ = try await $0.rotateSession(RotateSessionRequest(sha256: hash), $1)
  },
  UsersAccessRow("IssueInvitation", .operator) {
    _ = try await $0.issueInvitation(
      IssueInvitationRequest(accountId: id, email: "a@b.example", role: .owner),
      $1
    )
  },
  UsersAccessRow("Login", .gateway) {
    _ = try await $0.login(LoginRequest(email: "a@b.example", password: "p"), $1)
  },
  UsersAccessRow("CompleteLogin", .gateway) {
    _ = try await $0.completeLogin(CompleteLoginRequest(challenge: "c", code: "000000"), $1)
  },
  UsersAccessRow("AcceptPasswordReset", .gateway) {
    _ = try await $0.acceptPasswordReset(
      AcceptPasswordResetRequest(token: "t", password: password),
      $1
    )
  },
  UsersAccessRow("AcceptInvitation", .gateway) {
    _ = try await $0.acceptInvitation(
      AcceptInvitationRequest(token: "t", name: "n", password: password),
      $1
    )
  },
  UsersAccessRow("Logout", .user(scope: nil)) { _ = try await $0.logout(LogoutRequest(), $1) },
  UsersAccessRow("GetMe", .user(scope: nil)) { _ = try await $0.getMe(GetMeRequest(), $1) },
  UsersAccessRow("UpdateMe", .user(scope: nil)) {
    _ = try await $0.updateMe(UpdateMeRequest(), $1)
  },
  UsersAccessRow("ChangePassword", .user(scope: nil)) {
    _ = try await $0.changePassword(
      ChangePasswordRequest(currentPassword: password, newPassword: password),
      $1
    )
  },
  UsersAccessRow("BeginSecondFactor", .user(scope: nil)) {
    _ = try await $0.beginSecondFactor(BeginSecondFactorRequest(password: password), $1)
  },
  UsersAccessRow("ConfirmSecondFactor", .user(scope: nil)) {
    _ = try await $0.confirmSecondFactor(ConfirmSecondFactorRequest(code: "000000"), $1)
  },
  UsersAccessRow("RemoveSecondFactor", .user(scope: nil)) {
    _ = try await $0.removeSecondFactor(RemoveSecondFactorRequest(password: password), $1)
  },
  UsersAccessRow("RenewRecoveryCodes", .user(scope: nil)) {
    _ = try await $0.renewRecoveryCodes(RenewRecoveryCodesRequest(password: password), $1)
  },
  UsersAccessRow("ListSessions", .user(scope: nil)) {
    _ = try await $0.listSessions(ListSessionsRequest(), $1)
  },
  UsersAccessRow("RevokeSession", .user(scope: nil)) {
    _ = try await $0.revokeSession(RevokeSessionRequest(id: id), $1)
  },
  UsersAccessRow("ListUsers", .user(scope: "users:read")) {
    _ = try await $0.listUsers(ListUsersRequest(), $1)
  },
  UsersAccessRow("GetUser", .user(scope: "users:read")) {
    _ = try await $0.getUser(GetUserRequest(id: id), $1)
  },
  UsersAccessRow("ListInvitations", .user(scope: "users:read")) {
    _ = try await $0.listInvitations(ListInvitationsRequest(), $1)
  },
  UsersAccessRow("UpdateUser", .user(scope: "users:write")) {
    _ = try await $0.updateUser(UpdateUserRequest(id: id), $1)
  },
  UsersAccessRow("DeleteUser", .user(scope: "users:write")) {
    _ = try await $0.deleteUser(DeleteUserRequest(id: id), $1)
  },
  UsersAccessRow("ResetSecondFactor", .user(scope: "users:write")) {
    _ = try await $0.resetSecondFactor(ResetSecondFactorRequest(id: id), $1)
  },
  UsersAccessRow("CreatePasswordReset", .user(scope: "users:write")) {
    _ = try await $0.createPasswordReset(CreatePasswordResetRequest(id: id), $1)
  },
  UsersAccessRow("CreateInvitation", .user(scope: "users:write")) {
    _ = try await $0.createInvitation(
      CreateInvitationRequest(email: "a@b.example", role: .readOnly),
      $1
    )
  },
  UsersAccessRow("RevokeInvitation", .user(scope: "users:write")) {
    _ = try await $0.revokeInvitation(RevokeInvitationRequest(id: id), $1)
  },
]

/// Who may call what of the users service.
@Suite(.onLoop) struct UsersAccessTests {
  @Test @EventLoop func `no method is missing here`() async throws {
    try await KeysFixture.with { fixture in
      #expect(
        Set(rows.map { "/latchkey.users.v1.Users/\($0.testDescription)" })
          == Set(fixture.users.methods.map(\.descriptor.path))
      )
    }
  }

  @Test(arguments: rows) @EventLoop func `only those it is for may call it`(row: UsersAccessRow)
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      @EventLoop func isRefused(_ identity: String, _ options: CallOptions) async throws -> Bool {
        let client = UsersClient(try fixture.rpc.channel(as: identity))
        do {
          try await row.ask(client, options)
          return false
        } catch let fault as Fault {
          // What a rule of roles refuses has been let in.
          return fault.code == .permissionDenied && !fault.message.contains("Your role is")
        }
      }
      let keyholder = fixture.options(account)
      let nobody = fixture.nobody()
      var user = fixture.options(owner)
      for identity in ["licenses", "keys", "webhooks"] {
        #expect(try await isRefused(identity, user))
      }
      switch row.audience {
      case .gateway:
        #expect(try await !isRefused("gateway", nobody))
        #expect(try await isRefused("operator", nobody))
      case .operator:
        #expect(try await !isRefused("operator", CallOptions()))
        for options in [nobody, keyholder, user] {
          #expect(try await isRefused("gateway", options))
        }
      case .user(let scope):
        #expect(try await isRefused("operator", user))
        // An API key with every right is no user.
        #expect(try await isRefused("gateway", keyholder))
        #expect(try await isRefused("gateway", nobody))
        user.caller?.scopes = scope.map { [$0] } ?? []
        #expect(try await !isRefused("gateway", user))
        if scope != nil {
          user.caller?.scopes = ["keys:write", "users:other"]
          #expect(try await isRefused("gateway", user))
        }
      }
    }
  }
}
