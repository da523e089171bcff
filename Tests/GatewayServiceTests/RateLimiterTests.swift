import Cryptography
import EventLoop
import Faults
import Foundation
import HTTP
import Primitives
import Testing

@testable import GatewayService

/// What an answer says of its limit.
private struct Told: Equatable {
  var limit: Int?
  var remaining: Int?
  var resetIn: Int?
  var retryAfter: String?

  @EventLoop init(_ answer: RecordedStream, _ fixture: DepotFixture) {
    limit = answer.fields["x-ratelimit-limit"].flatMap { Int($0) }
    remaining = answer.fields["x-ratelimit-remaining"].flatMap { Int($0) }
    resetIn = answer.fields["x-ratelimit-reset"].flatMap { Int($0) }
      .map { $0 - Int(fixture.now.nanoseconds / 1_000_000_000) }
    retryAfter = answer.fields["retry-after"]
  }

  init(_ limit: Int, _ remaining: Int, resetIn: Int, retryAfter: String? = nil) {
    self.limit = limit
    self.remaining = remaining
    self.resetIn = resetIn
    self.retryAfter = retryAfter
  }
}

extension GatewaySuites {
  @Suite struct RateLimiterTests {
    private static let license = ("authorization", "License \(DepotFixture.licenseKey)")
    private static let item = #"{"name":"lamp"}"#

    private static func check(_ key: String = DepotFixture.licenseKey) -> String {
      #"{"key":"\#(key)"}"#
    }

    @Test @EventLoop func `a license key has its validations, in whichever spelling`() async throws
    {
      try await DepotFixture.use(rateLimits: RateLimits(validation: 3)) { fixture in
        let spellings = [
          DepotFixture.licenseKey, "atl-7qf2-m9xk-t4rd-w8hb", "Atl-7qf2-M9XK-t4rd-W8HB",
        ]
        for (index, spelling) in spellings.enumerated() {
          let answer = try await fixture.send("POST", "/depot/check", Self.check(spelling))
          #expect(answer.status == 200)
          #expect(Told(answer, fixture) == Told(3, 2 - index, resetIn: 20 * (index + 1)))
        }
        let refused = try await fixture.send("POST", "/depot/check", Self.check())
        #expect(refused.status == 429)
        #expect(try refused.json()["code"] as? String == "RATE_LIMITED")
        #expect(Told(refused, fixture) == Told(3, 0, resetIn: 60, retryAfter: "20"))
        #expect(fixture.service.callers.count == 3)
        // Another key has its own, also from there.
        let other = try await fixture.send("POST", "/depot/check", Self.check("another"))
        #expect(other.status == 200)
        fixture.now = fixture.now + .milliseconds(19_500)
        let early = try await fixture.send("POST", "/depot/check", Self.check())
        #expect(early.status == 429)
        #expect(early.fields["retry-after"] == "1")
        fixture.now = fixture.now + .milliseconds(500)
        let late = try await fixture.send("POST", "/depot/check", Self.check())
        #expect(late.status == 200)
      }
    }

    @Test @EventLoop
    func `an address has more validations than a license key, and not endless ones`()
      async throws
    {
      try await DepotFixture.use(rateLimits: RateLimits(validationByAddress: 5)) { fixture in
        for number in 0..<5 {
          let answer = try await fixture.send("POST", "/depot/check", Self.check("key-\(number)"))
          #expect(answer.status == 200)
          #expect(answer.fields["x-ratelimit-limit"] == "60")
        }
        let refused = try await fixture.send("POST", "/depot/check", Self.check("key-6"))
        #expect(refused.status == 429)
        #expect(Told(refused, fixture) == Told(5, 0, resetIn: 60, retryAfter: "12"))
        let elsewhere = try await fixture.send(
          "POST",
          "/depot/check",
          Self.check("key-6"),
          from: "203.0.113.10"
        )
        #expect(elsewhere.status == 200)
      }
    }

    @Test @EventLoop func `activations count by license key, with an API key as management`()
      async throws
    {
      try await DepotFixture.use(rateLimits: RateLimits(activation: 2, management: 3)) { fixture in
        for remaining in [1, 0] {
          let answer = try await fixture.send("POST", "/depot/items", Self.item, [Self.license])
          #expect(answer.status == 201)
          #expect(answer.fields["x-ratelimit-remaining"] == "\(remaining)")
        }
        let refused = try await fixture.send("POST", "/depot/items", Self.item, [Self.license])
        #expect(refused.status == 429)
        #expect(Told(refused, fixture) == Told(2, 0, resetIn: 60, retryAfter: "30"))
        // Other calls with the key are counted apart.
        let touch = try await fixture.send("POST", "/depot/items/a/touch", "", [Self.license])
        #expect(touch.status == 200)
        #expect(touch.fields["x-ratelimit-limit"] == "120")
        for remaining in [2, 1, 0] {
          let answer = try await fixture.send(
            "POST",
            "/depot/items",
            Self.item,
            [fixture.bearing(fixture.key)]
          )
          #expect(answer.status == 201)
          #expect(Told(answer, fixture).limit == 3)
          #expect(Told(answer, fixture).remaining == remaining)
        }
        let last = try await fixture.send(
          "PATCH",
          "/depot/items/lamp",
          "{}",
          [fixture.bearing(fixture.key)]
        )
        #expect(last.status == 429)
        let other = try await fixture.send(
          "PATCH",
          "/depot/items/lamp",
          "{}",
          [fixture.bearing(fixture.readingKey)]
        )
        #expect(other.status == 403)
        #expect(other.fields["x-ratelimit-remaining"] == "2")
      }
    }

    @Test @EventLoop func `whoever asks, every answer tells of a limit`() async throws {
      try await DepotFixture.use(rateLimits: RateLimits()) { fixture in
        let key = fixture.bearing(fixture.key)
        let rows: [(String, String, String, [(String, String)], status: Int, limit: String)] = [
          ("GET", "/nowhere", "", [], 404, "300"),
          ("GET", "/nowhere", "", [key], 404, "300"),
          ("GET", "/depot/items", "", [], 405, "300"),
          ("OPTIONS", "/depot/items", "", [], 204, "300"),
          ("POST", "/depot/items", "{}", [], 401, "300"),
          ("POST", "/depot/items", "{}", [key], 400, "120"),
          ("POST", "/depot/items", "{}", [Self.license], 400, "10"),
          ("POST", "/depot/items", "{}", [key, ("content-type", "text/plain")], 415, "120"),
          ("POST", "/depot/items", "{}", [key, ("content-length", "9999999")], 413, "120"),
          ("POST", "/depot/items", "{}", [key, ("idempotency-key", "")], 400, "120"),
          ("POST", "/depot/check", "{}", [], 400, "6000"),
          ("POST", "/depot/check", "{}", [key], 400, "120"),
          ("PATCH", "/depot/items/a", "{}", [fixture.bearing(fixture.readingKey)], 403, "120"),
        ]
        for row in rows {
          let answer = try await fixture.send(row.0, row.1, row.2, row.3)
          #expect(answer.status == row.status, "\(row)")
          #expect(answer.fields["x-ratelimit-limit"] == row.limit, "\(row)")
          #expect(answer.fields["x-ratelimit-remaining"] != nil)
          #expect(answer.fields["x-ratelimit-reset"] != nil)
          #expect(answer.fields["retry-after"] == nil)
        }
      }
    }

    @Test @EventLoop func `what is no request counts too`() async throws {
      try await DepotFixture.use(rateLimits: RateLimits()) { fixture in
        let sockets = try DepotSockets(try fixture.gateway, .http1)
        let peer = try await sockets.connectHTTP1()
        peer.send("GET /a b HTTP/1.1\r\n\r\n")
        #expect(await peer.wait { peer.isOver })
        #expect(peer.text.hasPrefix("HTTP/1.1 400 "))
        #expect(peer.text.contains("x-ratelimit-limit: 300\r\nx-ratelimit-remaining: 299\r\n"))
        await sockets.stop()
      }
    }

    @Test @EventLoop func `without limits there are no headers`() async throws {
      try await DepotFixture.use { fixture in
        for (method, target) in [("GET", "/nowhere"), ("POST", "/depot/check")] {
          let answer = try await fixture.send(method, target, Self.check())
          #expect(answer.fields["x-ratelimit-limit"] == nil)
        }
      }
    }

    @Test @EventLoop func `who guesses is stopped, who has been good there goes on`() async throws {
      try await DepotFixture.use(rateLimits: RateLimits(publicPages: 4)) { fixture in
        let key = fixture.bearing(fixture.key)
        let good = try await fixture.send("PATCH", "/depot/items/lamp", "{}", [key])
        #expect(good.status == 200)
        let touched = try await fixture.send("POST", "/depot/items/a/touch", "", [Self.license])
        #expect(touched.status == 200)
        // Guesses of both kinds, and addresses that do not exist.
        let guess = fixture.bearing(APIKey.generate(.test))
        #expect(try await fixture.send("PATCH", "/depot/items/a", "{}", [guess]).status == 401)
        fixture.service.answer = { _ throws(Fault) in
          throw Fault(.unauthenticated, "Unknown license key", reason: .unauthorized)
        }
        let unknown = ("authorization", "License AAA-0000-0000-0000-0000")
        #expect(try await fixture.send("POST", "/depot/items/a/touch", "", [unknown]).status == 401)
        fixture.service.answer = { _ throws(Fault) in }
        #expect(try await fixture.send("GET", "/nowhere").status == 404)
        #expect(try await fixture.send("GET", "/depot/items").status == 405)
        // All four are used up: guesses cost nobody a call any more.
        let (calls, authentications) = (fixture.service.callers.count, fixture.authentications)
        for fields in [[], [guess], [unknown], [fixture.bearing(APIKey.generate(.live))]] {
          let answer = try await fixture.send("POST", "/depot/items", Self.item, fields)
          #expect(answer.status == 429)
          #expect(Told(answer, fixture) == Told(4, 0, resetIn: 60, retryAfter: "15"))
        }
        #expect(fixture.service.callers.count == calls)
        #expect(fixture.authentications == authentications)
        // Those who were good before are let through, and everybody elsewhere.
        #expect(try await fixture.send("PATCH", "/depot/items/lamp", "{}", [key]).status == 200)
        let again = try await fixture.send("POST", "/depot/items", Self.item, [Self.license])
        #expect(again.status == 201)
        let elsewhere = try await fixture.send("GET", "/nowhere", from: "203.0.113.10")
        #expect(elsewhere.status == 404)
      }
    }

    @Test @EventLoop func `good traffic from an address uses up nothing of its attempts`()
      async throws
    {
      try await DepotFixture.use(rateLimits: RateLimits(publicPages: 1)) { fixture in
        for _ in 0..<20 {
          _ = try await fixture.send("POST", "/depot/items/a/touch", "", [Self.license])
          _ = try await fixture.send(
            "PATCH",
            "/depot/items/lamp",
            "{}",
            [fixture.bearing(fixture.key)]
          )
          _ = try await fixture.send("POST", "/depot/check", Self.check())
        }
        #expect(try await fixture.send("GET", "/nowhere").status == 404)
        #expect(try await fixture.send("GET", "/nowhere").status == 429)
      }
    }

    @Test @EventLoop func `IPv6 counts by its first half, IPv4 in IPv6 as IPv4`() async throws {
      try await DepotFixture.use(rateLimits: RateLimits(publicPages: 1)) { fixture in
        let rows = [
          ("2001:db8:1:2::1", 404), ("2001:db8:1:2:ffff::9", 429), ("2001:db8:1:3::1", 404),
          ("198.51.100.7", 404), ("::ffff:198.51.100.7", 429), ("::ffff:198.51.100.8", 404),
        ]
        for (address, status) in rows {
          let answer = try await fixture.send("GET", "/nowhere", from: address)
          #expect(answer.status == status, "\(address)")
        }
      }
    }
  }
}
