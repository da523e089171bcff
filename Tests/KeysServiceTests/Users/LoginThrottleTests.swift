import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@testable import KeysService

/// How often passwords may be tried, and that nobody is kept out by it.
@Suite(.onLoop) struct LoginThrottleTests {
  @EventLoop private func tries(
    _ fixture: KeysFixture,
    _ email: String,
    _ password: String = "wrong, for certain",
    from address: @escaping (Int) -> String
  ) async throws -> (count: Int, last: Fault) {
    for count in 0..<100 {
      let refusal = try await fault {
        try await fixture.login(email, password, from: address(count))
      }
      if refusal.reason == .rateLimited { return (count, refusal) }
      #expect(refusal.reason == .unauthorized)
    }
    throw Fault(.internalError, "A hundred attempts were let through")
  }

  @Test(arguments: [true, false])
  @EventLoop func `one name can be tried ten times from everywhere, known or not`(isKnown: Bool)
    async throws
  {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let email = isKnown ? member.email : "nobody@example.com"
      let before = fixture.users.passwords.computations
      let (count, refusal) = try await self.tries(fixture, email) { "198.51.100.\($0)" }
      #expect(count == 10)
      // What is refused for that costs no Argon2id.
      #expect(fixture.users.passwords.computations == before + 10)
      #expect(refusal.code == .resourceExhausted)
      #expect(refusal.facts == [Fault.Fact("retryAfterSeconds", 30)])
      fixture.clock.advance(by: .seconds(30))
      let next = try await fault { try await fixture.login(email, "w", from: "198.51.100.77") }
      #expect(next.reason == .unauthorized)
      let after = try await fault { try await fixture.login(email, "w", from: "198.51.100.78") }
      #expect(after.reason == .rateLimited)
    }
  }

  @Test @EventLoop
  func `whoever is tried by others logs in where they have been before, at any time`() async throws
  {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      _ = try await self.tries(fixture, member.email) { "198.51.100.\($0)" }
      // At home nothing is used up.
      #expect(try await fixture.login(member.email).answer.status == .loggedIn)
      // Elsewhere it takes as long as an attempt takes to come back.
      let elsewhere = try await fault {
        try await fixture.login(member.email, from: "203.0.113.1")
      }
      #expect(elsewhere.reason == .rateLimited)
      fixture.clock.advance(by: .seconds(30))
      #expect(
        try await fixture.login(member.email, from: "203.0.113.1").answer.status == .loggedIn
      )
      // At home ten wrong ones are the limit as well.
      let (count, _) = try await self.tries(fixture, member.email) { _ in KeysFixture.home }
      #expect(count == 10)
    }
  }

  @Test @EventLoop func `one address can try twenty times, whatever names it tries`() async throws {
    try await KeysFixture.with { fixture in
      for number in 0..<20 {
        let refusal = try await fault {
          try await fixture.login("n\(number)@example.com", "w", from: "2001:db8::\(number + 1)")
        }
        #expect(refusal.reason == .unauthorized)
      }
      // Of IPv6 the half that one subscriber has.
      let next = try await fault {
        try await fixture.login("other@example.com", "w", from: "2001:db8::ffff")
      }
      #expect(next.reason == .rateLimited)
      #expect(next.facts == [Fault.Fact("retryAfterSeconds", 3)])
      let neighbour = try await fault {
        try await fixture.login("other@example.com", "w", from: "2001:db8:0:1::1")
      }
      #expect(neighbour.reason == .unauthorized)
    }
  }

  @Test @EventLoop func `good logins use nothing up`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      for _ in 0..<30 { _ = try await fixture.login(member.email, from: "203.0.113.5") }
    }
  }

  @Test @EventLoop func `attempts at the same time do not slip through`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let tasks = (0..<30).map { number in
        EventLoop.spawn { () -> Fault.Reason? in
          do {
            _ = try await fixture.login(member.email, "w", from: "198.51.100.\(number)")
            return nil
          } catch {
            return (error as? Fault)?.reason
          }
        }
      }
      var reasons: [Fault.Reason?] = []
      for task in tasks { reasons.append(await task.value) }
      #expect(reasons.count { $0 == .unauthorized } == 10)
      #expect(reasons.count { $0 == .rateLimited } == 20)
    }
  }

  @Test @EventLoop func `who has a session cannot try passwords without an end`() async throws {
    try await KeysFixture.with { fixture in
      let member = try await fixture.join(try await fixture.account())
      let client = try fixture.gatewayUsers
      let request = ChangePasswordRequest(
        currentPassword: "wrong, for certain",
        newPassword: "a donkey in the garden"
      )
      var refusals: [Fault.Reason?] = []
      // Wherever they come from: a cookie that was stolen is used from many addresses.
      for place in 0..<11 {
        let options = fixture.options(member, from: "198.51.100.\(place)")
        refusals.append(
          try await fault { try await client.changePassword(request, options) }.reason
        )
      }
      #expect(refusals == Array(repeating: .validationError, count: 10) + [.rateLimited])
      // Nor does that keep the user from logging in.
      #expect(try await fixture.login(member.email).answer.status == .loggedIn)
    }
  }

  @Test @EventLoop func `a full table forgets the oldest and goes on`() throws {
    let clock = TestClock()
    let throttle = LoginThrottle(now: { clock.now })
    for number in 0..<120_000 {
      try throttle.take(.name(EmailAddress("n\(number)@example.com")))
    }
    let last = LoginThrottle.Subject.name(EmailAddress("n119999@example.com"))
    for _ in 0..<9 { try throttle.take(last) }
    #expect(throws: Fault.self) { try throttle.take(last) }
  }
}
