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

/// Codes of an authenticator, and recovery codes.
@Suite(.onLoop) struct SecondFactorTests {
  @Test @EventLoop func `a login with a second factor takes a code`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let (totp, codes) = try await fixture.enableSecondFactor(member)
      #expect(codes.count == 10 && Set(codes).count == 10)
      fixture.clock.advance(by: .seconds(30))
      let first = try await fixture.login(member.email)
      #expect(first.answer.status == .secondFactorNeeded)
      #expect(first.answer.user == nil && first.token == nil)
      let second = try await fixture.complete(first, fixture.code(totp))
      #expect(second.answer.status == .loggedIn)
      #expect(second.answer.user?.secondFactor == true)
      #expect(try await fixture.session(try #require(second.token)).good)
      // The challenge is used up.
      fixture.clock.advance(by: .seconds(30))
      let again = try await fault { try await fixture.complete(first, fixture.code(totp)) }
      #expect(again.message == Fault.wrongCredentials.message)
    }
  }

  @Test @EventLoop func `nothing of it counts before a code has confirmed the secret`() async throws
  {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let client = try fixture.gatewayUsers
      let options = fixture.options(member)
      let wrong = try await fault {
        try await client.beginSecondFactor(BeginSecondFactorRequest(password: "nonsense"), options)
      }
      #expect(wrong.issues.map(\.path) == [["password"]])
      let none = try await fault {
        try await client.confirmSecondFactor(ConfirmSecondFactorRequest(code: "000000"), options)
      }
      #expect(none.reason == .conflict)
      let request = BeginSecondFactorRequest(password: KeysFixture.password)
      let first = try await client.beginSecondFactor(request, options)
      // Asked again there is another secret.
      let second = try await client.beginSecondFactor(request, options)
      #expect(first.secret != second.secret)
      #expect(second.otpauthUri.contains(second.secret))
      let unconfirmed = try await fault {
        try await client.confirmSecondFactor(ConfirmSecondFactorRequest(code: "000000"), options)
      }
      #expect(unconfirmed.issues.map(\.path) == [["code"]])
      #expect(try await fixture.login(member.email).answer.status == .loggedIn)
      let me = try await client.getMe(GetMeRequest(), options)
      #expect(!me.user.secondFactor && me.recoveryCodesLeft == 0)
    }
  }

  @Test @EventLoop func `confirming exchanges the token of the session`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      _ = try await fixture.enableSecondFactor(member)
      #expect(try await !fixture.session(member.token).good)
      let again = try await fault { try await fixture.enableSecondFactor(member) }
      #expect(again.reason == .conflict)
    }
  }

  /// Also by two who come at once, through two processes.
  @Test @EventLoop func `a code lets in once`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let (totp, _) = try await fixture.enableSecondFactor(member)
      // The code that confirmed is used up.
      let used = try await fixture.login(member.email)
      let refusal = try await fault { try await fixture.complete(used, fixture.code(totp)) }
      #expect(refusal.message == Fault.wrongCredentials.message)
      fixture.clock.advance(by: .seconds(30))
      var challenges: [LoginOutcome] = []
      for _ in 0..<4 { challenges.append(try await fixture.login(member.email)) }
      let code = fixture.code(totp)
      let tasks = challenges.map { challenge in
        EventLoop.spawn { (try? await fixture.complete(challenge, code)) != nil }
      }
      var admitted = 0
      for task in tasks where await task.value { admitted += 1 }
      #expect(admitted == 1)
    }
  }

  @Test @EventLoop func `a recovery code lets in once, and is audited`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let (_, codes) = try await fixture.enableSecondFactor(member)
      let code = codes[3].lowercased().replacing("-", with: " ")
      let good = try await fixture.complete(try await fixture.login(member.email), code)
      #expect(good.answer.status == .loggedIn)
      let challenge = try await fixture.login(member.email)
      let used = try await fault { try await fixture.complete(challenge, code) }
      #expect(used.message == Fault.wrongCredentials.message)
      let lines = try await fixture.log().filter { $0.action == "user.useRecoveryCode" }
      #expect(lines.map(\.actor.id) == [member.id.description])
      let left: Int = try await fixture.test.open().read(
        "select count(*) from keys.recovery_codes"
      ).single().value(0)
      #expect(left == 9)
      // New ones replace all old ones.
      let session = try await fixture.member(
        try #require(good.answer.user),
        member.account,
        good.token
      )
      let renewed = try await fixture.gatewayUsers.renewRecoveryCodes(
        RenewRecoveryCodesRequest(password: KeysFixture.password),
        fixture.options(session)
      )
      #expect(Set(renewed.recoveryCodes).isDisjoint(with: codes))
      _ = try await fault { try await fixture.complete(challenge, codes[0]) }
      let admitted = try await fixture.complete(challenge, renewed.recoveryCodes[0])
      #expect(admitted.answer.status == .loggedIn)
    }
  }

  @Test @EventLoop func `a challenge has five attempts and five minutes`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let (totp, _) = try await fixture.enableSecondFactor(member)
      fixture.clock.advance(by: .seconds(30))
      let spent = try await fixture.login(member.email)
      for _ in 0..<5 {
        let refusal = try await fault { try await fixture.complete(spent, "000000") }
        #expect(refusal.message == Fault.wrongCredentials.message)
      }
      _ = try await fault { try await fixture.complete(spent, fixture.code(totp)) }
      let late = try await fixture.login(member.email)
      fixture.clock.advance(by: .seconds(300))
      _ = try await fault { try await fixture.complete(late, fixture.code(totp)) }
      let fresh = try await fixture.login(member.email)
      #expect(try await fixture.complete(fresh, fixture.code(totp)).answer.status == .loggedIn)
    }
  }

  @Test @EventLoop func `codes cannot be tried without an end by who knows the password`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let (totp, _) = try await fixture.enableSecondFactor(member)
      var reasons: [Fault.Reason?] = []
      for round in 0..<3 {
        fixture.clock.advance(by: .seconds(30))
        let challenge = try await fixture.login(member.email)
        for attempt in 0..<5 {
          let refusal = try await fault {
            try await fixture.complete(
              challenge,
              "000000",
              from: "198.51.100.\(round * 5 + attempt)"
            )
          }
          reasons.append(refusal.reason)
        }
      }
      #expect(reasons.prefix(10).allSatisfy { $0 == .unauthorized })
      #expect(reasons.suffix(5).allSatisfy { $0 == .rateLimited })
      fixture.clock.advance(by: .seconds(300))
      let challenge = try await fixture.login(member.email)
      let good = try await fixture.complete(challenge, fixture.code(totp))
      #expect(good.answer.status == .loggedIn)
    }
  }

  @Test @EventLoop func `the secret and the codes are in the database in no readable form`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let (totp, codes) = try await fixture.enableSecondFactor(member)
      let row = try await fixture.test.open().read(
        """
        select sealed_totp_secret, (select string_agg(mac, '') from keys.recovery_codes)
        from keys.second_factors
        """
      ).single()
      let (sealed, macs) = try row.values([UInt8].self, [UInt8].self)
      // 20 bytes in a sealed value, whose form tells the data key's version.
      #expect(DataKey.version(ofSealed: sealed) == 1)
      #expect(sealed.count == 20 + DataKey.overheadByteCount)
      #expect(macs.count == 320)
      let text = String(decoding: macs + sealed, as: UTF8.self)
      for code in codes {
        #expect(!text.contains(code))
        for form in [code, code.replacing("-", with: "")] {
          #expect(!String(decoding: macs, as: UTF8.self).contains(form))
          #expect(!macs.contains(SHA256.hash(form)))
        }
      }
      #expect(!text.contains(totp.typedSecret))
      // Bound to its user: elsewhere it does not open.
      let place = SecondFactorRecord.place(of: UUID.v7(), Tenant(ofUsersOf: member.account))
      let key = try await fixture.users.dataKeys.newest(of: Tenant(ofUsersOf: member.account))
      #expect(throws: Fault.self) { try key.open(sealed, in: place) }
    }
  }

  @Test @EventLoop func `it is removed by its user with the password, and by whoever is above`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      let member = try await fixture.join(account, .admin)
      let client = try fixture.gatewayUsers
      _ = try await fixture.enableSecondFactor(member)
      let wrong = try await fault {
        try await client.removeSecondFactor(
          RemoveSecondFactorRequest(password: "nonsense"),
          fixture.options(member)
        )
      }
      #expect(wrong.reason == .validationError)
      _ = try await client.removeSecondFactor(
        RemoveSecondFactorRequest(password: KeysFixture.password),
        fixture.options(member)
      )
      #expect(try await fixture.login(member.email).answer.status == .loggedIn)
      fixture.clock.advance(by: .seconds(30))
      _ = try await fixture.enableSecondFactor(owner)
      let above = try await fault {
        try await client.resetSecondFactor(
          ResetSecondFactorRequest(id: owner.id.description),
          fixture.options(member)
        )
      }
      #expect(above.reason == .forbidden)
      fixture.clock.advance(by: .seconds(30))
      _ = try await fixture.enableSecondFactor(member)
      _ = try await client.resetSecondFactor(
        ResetSecondFactorRequest(id: member.id.description),
        fixture.options(owner)
      )
      #expect(try await fixture.login(member.email).answer.status == .loggedIn)
      let none = try await fault {
        try await client.resetSecondFactor(
          ResetSecondFactorRequest(id: member.id.description),
          fixture.options(owner)
        )
      }
      #expect(none.reason == .conflict)
    }
  }
}

extension [UInt8] {
  /// Whether a sequence of bytes lies somewhere in these.
  fileprivate func contains(_ part: [UInt8]) -> Bool {
    indices.contains { self[$0...].starts(with: part) }
  }
}
