import Cryptography
import EventLoop
import Faults
import HTTP
import Messages
import Primitives
import Protobuf
import RPC
import Stubs
import TestKit
import Testing

@testable import KeysService

/// A user as a test knows them.
struct Member {
  var account: UUID
  var id: UUID
  var email: String
  var role: Role
  /// The token of the session that the last login gave.
  var token: String
  var sessionID: UUID
}

/// What a login came to.
struct LoginOutcome {
  var answer: LoginResponse
  /// What the gateway is told of the cookie; nil for nothing.
  var token: String?
}

extension KeysFixture {
  /// What everybody's password is at first.
  nonisolated static let password = "a horse in the garden"
  /// Where everybody comes from unless a test says.
  nonisolated static let home = "192.0.2.1"

  var gatewayUsers: UsersClient { get throws { UsersClient(try rpc.channel(as: "gateway")) } }
  var operatorUsers: UsersClient { get throws { UsersClient(try rpc.channel(as: "operator")) } }

  /// What the gateway sends along for a request without a credential.
  func nobody(from address: String = home) -> CallOptions {
    CallOptions(caller: Caller(actorKind: .anonymous, clientAddress: address))
  }

  /// What the gateway sends along for a request of a user.
  func options(
    _ member: Member,
    _ environment: Caller.Environment = .test,
    from address: String = home
  ) -> CallOptions {
    CallOptions(
      caller: Caller(
        accountId: member.account.description,
        environment: environment,
        actorKind: .user,
        actorId: member.id.description,
        scopes: member.role.scopes(in: environment == .live ? .live : .test),
        clientAddress: address,
        sessionId: member.sessionID.description
      )
    )
  }

  /// Makes a call of the gateway's and gives what the service says of the cookie beside the answer.
  func call<Answer: ContractMessage>(
    _ method: MethodDescriptor,
    _ request: some ContractMessage,
    _ options: CallOptions
  ) async throws -> (Answer, token: String?) {
    let call: UnaryCall<_, Answer> = try rpc.channel(as: "gateway").begin(method, request, options)
    let (answer, trailers) = try await call.answer()
    return (answer, trailers["latchkey-session"])
  }

  /// An invitation by the operator.
  func invitation(
    _ account: UUID,
    _ role: Role,
    _ email: String = "\(UUID.v7())@example.com"
  ) async throws -> Invitation {
    try await operatorUsers.issueInvitation(
      IssueInvitationRequest(accountId: account.description, email: email, role: role)
    )
  }

  /// The token of a link.
  func token(of link: String?) throws -> String {
    String(try #require(link?.split(separator: "#").last))
  }

  /// Makes a user, as an invitation does.
  func join(
    _ account: UUID,
    _ role: Role = .owner,
    email: String = "\(UUID.v7())@example.com"
  ) async throws -> Member {
    let invitation = try await invitation(account, role, email)
    let (user, token): (User, String?) = try await call(
      UsersMethods.acceptInvitation,
      AcceptInvitationRequest(
        token: try token(of: invitation.link),
        name: "Somebody",
        password: Self.password
      ),
      nobody()
    )
    return try await member(user, account, token)
  }

  /// The user who was given a session.
  func member(_ user: User, _ account: UUID, _ token: String?) async throws -> Member {
    let token = try #require(token)
    let session = try await session(token)
    return Member(
      account: account,
      id: try #require(UUID(user.id)),
      email: user.email,
      role: user.role,
      token: token,
      sessionID: try #require(session.sessionId.flatMap { UUID($0) })
    )
  }

  /// What the gateway asks about when it is shown the cookie.
  func session(_ token: String) async throws -> AuthenticateSessionResponse {
    try await gatewayUsers.authenticateSession(
      AuthenticateSessionRequest(sha256: SHA256.hash(token))
    )
  }

  /// Tries to log in.
  func login(
    _ email: String,
    _ password: String = password,
    from address: String = home
  ) async throws -> LoginOutcome {
    let request = LoginRequest(email: email, password: password)
    let (answer, token): (LoginResponse, String?) = try await call(
      UsersMethods.login,
      request,
      nobody(from: address)
    )
    return LoginOutcome(answer: answer, token: token)
  }

  /// Answers a challenge.
  func complete(
    _ outcome: LoginOutcome,
    _ code: String,
    from address: String = home
  ) async throws -> LoginOutcome {
    let request = CompleteLoginRequest(
      challenge: try #require(outcome.answer.challenge),
      code: code
    )
    let (answer, token): (LoginResponse, String?) = try await call(
      UsersMethods.completeLogin,
      request,
      nobody(from: address)
    )
    return LoginOutcome(answer: answer, token: token)
  }

  /// Sets a second factor up; gives its secret and the recovery codes.
  func enableSecondFactor(_ member: Member) async throws -> (TOTP, codes: [String]) {
    let made = try await gatewayUsers.beginSecondFactor(
      BeginSecondFactorRequest(password: Self.password),
      options(member)
    )
    let totp = TOTP(secret: try #require(Self.bytes(ofBase32: made.secret)))
    let codes = try await gatewayUsers.confirmSecondFactor(
      ConfirmSecondFactorRequest(code: code(totp)),
      options(member)
    )
    return (totp, codes.recoveryCodes)
  }

  /// What an authenticator shows now.
  func code(_ totp: TOTP) -> String { totp.code(at: TOTP.step(at: clock.now)) }

  /// Reads base 32 as an authenticator does.
  private static func bytes(ofBase32 text: String) -> [UInt8]? {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    var bits = 0
    var bitCount = 0
    var bytes: [UInt8] = []
    for character in text {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      bits = bits << 5 | value
      bitCount += 5
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
      }
      bits &= 1 << bitCount - 1
    }
    return bytes
  }

  /// The actions in the audit log, oldest first.
  func actions() async throws -> [String] { try await log().map(\.action) }
}
