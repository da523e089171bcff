import Cryptography
import EventLoop
import Faults
import Foundation
import HTTP
import Messages
import Primitives
import Protobuf
import RPC
import Testing

@testable import GatewayService

/// Users who come with the cookie of a session.
extension GatewaySuites {
  @Suite struct SessionTests {
    private static let item = #"{"name":"lamp"}"#
    private static let ours = ("x-latchkey-csrf", "1")

    @Test @EventLoop func `a session does what an API key with the role's scopes does`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let cookie = fixture.cookie(fixture.session)
        let made = try await fixture.send("POST", "/depot/items", Self.item, [cookie, Self.ours])
        #expect(made.status == 201)
        let caller = try #require(fixture.service.callers.first)
        #expect(caller.actorKind == .user && caller.actorId == DepotFixture.user)
        #expect(caller.accountId == DepotFixture.account)
        #expect(caller.sessionId == DepotFixture.sessionID)
        #expect(caller.environment == .test && caller.scopes == ["depot:read", "depot:write"])
        #expect(made.fields["set-cookie"] == nil)
        let shown = try await fixture.send("GET", "/depot/inspection", "", [cookie])
        #expect(shown.status == 200)
        // Both were answered by one question.
        #expect(fixture.authentications == 1)
      }
    }

    /// The environment is the user's to choose, and the role may do less in one of them.
    @Test(arguments: [
      (nil, 201), ("test", 201), ("live", 403), ("Live", 400), ("", 400), ("both", 400),
    ])
    @EventLoop func `the header chooses the environment`(value: String?, status: Int) async throws {
      try await DepotFixture.use { fixture in
        let chosen = value.map { [("latchkey-environment", $0)] } ?? []
        let cookie = fixture.cookie(fixture.session)
        let answer = try await fixture.send(
          "POST",
          "/depot/items",
          Self.item,
          [cookie, Self.ours] + chosen
        )
        #expect(answer.status == status)
        if status == 403 {
          #expect((try answer.json()["error"] as? String)?.contains("Your role lacks") == true)
        }
        let inspected = try await fixture.send("GET", "/depot/inspection", "", [cookie] + chosen)
        #expect(inspected.status == (status == 400 ? 400 : 200))
        if status != 400 {
          let environment = fixture.service.callers.last?.environment
          #expect(environment == (value == "live" ? .live : .test))
        }
      }
    }

    /// How a request comes, and whether it may be another site's doing.
    struct Request: Sendable, CustomTestStringConvertible {
      var testDescription: String
      var method = "POST"
      var target = "/depot/leave"
      var fields: [(String, String)] = []
      var status = 403
    }

    private static let requests = [
      Request(testDescription: "a form of another site: no header"),
      Request(testDescription: "our page", fields: [ours], status: 200),
      Request(testDescription: "another value", fields: [("x-latchkey-csrf", "0")]),
      Request(
        testDescription: "our page in a browser",
        fields: [
          ours, ("origin", "https://gateway.example"), ("sec-fetch-site", "same-origin"),
        ],
        status: 200
      ),
      Request(
        testDescription: "another origin",
        fields: [ours, ("origin", "https://evil.example")]
      ),
      Request(testDescription: "no origin to speak of", fields: [ours, ("origin", "null")]),
      Request(
        testDescription: "our name in the clear",
        fields: [ours, ("origin", "http://gateway.example")]
      ),
      Request(
        testDescription: "our name and more",
        fields: [ours, ("origin", "https://gateway.example.evil.example")]
      ),
      Request(testDescription: "another site", fields: [ours, ("sec-fetch-site", "cross-site")]),
      Request(testDescription: "a sibling host", fields: [ours, ("sec-fetch-site", "same-site")]),
      Request(
        testDescription: "a question changes nothing",
        method: "GET",
        target: "/depot/inspection",
        fields: [("sec-fetch-site", "cross-site")],
        status: 200
      ),
    ]

    @Test(arguments: requests)
    @EventLoop func `what changes something must come from our own pages`(request: Request)
      async throws
    {
      try await DepotFixture.use { fixture in
        let fields = [fixture.cookie(fixture.session)] + request.fields
        let answer = try await fixture.send(request.method, request.target, "", fields)
        #expect(answer.status == request.status)
        #expect(fixture.service.callers.isEmpty == (request.status == 403))
      }
    }

    @Test @EventLoop func `a login is held to the origin, without a header of its own`()
      async throws
    {
      try await DepotFixture.use { fixture in
        for (fields, status) in [
          ([], 200), ([("sec-fetch-site", "same-origin")], 200),
          ([("sec-fetch-site", "cross-site")], 403), ([("origin", "https://evil.example")], 403),
        ] as [([(String, String)], Int)] {
          let answer = try await fixture.send("POST", "/depot/enter", Self.item, fields)
          #expect(answer.status == status)
        }
      }
    }

    @Test @EventLoop func `an API key needs no such header, and goes before the cookie`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let cookie = fixture.cookie(fixture.session)
        let both = [cookie, fixture.bearing(fixture.key), ("latchkey-environment", "live")]
        let answer = try await fixture.send("POST", "/depot/items", Self.item, both)
        #expect(answer.status == 201)
        #expect(fixture.service.callers.last?.actorKind == .apiKey)
        #expect(fixture.service.callers.last?.environment == .test)
        // A bad one is not made good by the cookie.
        let bad = [cookie, fixture.bearing(APIKey.generate(.test)), Self.ours]
        let refused = try await fixture.send("POST", "/depot/items", Self.item, bad)
        #expect(refused.status == 401)
      }
    }

    @Test @EventLoop func `where only users may come, an API key does not do`() async throws {
      try await DepotFixture.use { fixture in
        for fields in [[], [fixture.bearing(fixture.key)], [("authorization", "License x")]] {
          let answer = try await fixture.send("GET", "/depot/inspection", "", fields)
          #expect(answer.status == 401)
          #expect(answer.fields["www-authenticate"] == "Cookie")
        }
      }
    }

    @Test @EventLoop func `where a license key alone does, the cookie says nothing`() async throws {
      try await DepotFixture.use { fixture in
        let fields = [fixture.cookie(fixture.session), Self.ours]
        let answer = try await fixture.send("POST", "/depot/items/lamp/touch", "", fields)
        #expect(answer.status == 401)
      }
    }

    @Test @EventLoop func `cookies are read as clients send them`() async throws {
      try await DepotFixture.use { fixture in
        let name = "__Host-latchkey-session"
        let token = fixture.session.text
        let good: [[(String, String)]] = [
          [("cookie", "a=b; \(name)=\(token)")],
          [("cookie", "\(name)=\(token);x=y")],
          [("cookie", "a=b"), ("cookie", "\(name)=\(token)")],
          [("cookie", "X\(name)=z; \(name)=\(token); \(name.lowercased())=z")],
        ]
        for fields in good {
          let answer = try await fixture.send("GET", "/depot/inspection", "", fields)
          #expect(answer.status == 200)
        }
        let before = fixture.authentications
        let bad: [[(String, String)]] = [
          [("cookie", "")], [("cookie", name)], [("cookie", "\(name)=")],
          [("cookie", "\(name)=\(token)x")], [("cookie", "\(name)=\(token.dropLast())")],
          [("cookie", "\(name)=\"\(token)\"")],
          [("cookie", "\(name)=\(token); \(name)=\(token)")],
          [("cookie", "\(name)=\(token)"), ("cookie", "\(name)=\(OpaqueToken.generate().text)")],
          [("cookie", "latchkey-session=\(token)")],
        ]
        for fields in bad {
          let answer = try await fixture.send("GET", "/depot/inspection", "", fields)
          #expect(answer.status == 401)
        }
        // None of them could be one, so nobody was asked.
        #expect(fixture.authentications == before)
      }
    }

    @Test @EventLoop func `a session that has ended is 401`() async throws {
      try await DepotFixture.use { fixture in
        fixture.hasSessionEnded = true
        let answer = try await fixture.send(
          "GET",
          "/depot/inspection",
          "",
          [fixture.cookie(fixture.session)]
        )
        #expect(answer.status == 401)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains(fixture.session.text))
      }
    }

    @Test @EventLoop func `a token whose time has come is exchanged with the next answer, once`()
      async throws
    {
      try await DepotFixture.use { fixture in
        fixture.isRotationDue = true
        let old = fixture.cookie(fixture.session)
        let first = try await fixture.send("GET", "/depot/inspection", "", [old])
        #expect(first.status == 200)
        #expect(
          first.fields["set-cookie"]
            == "__Host-latchkey-session=\(fixture.successor.text); Path=/; Secure; HttpOnly; SameSite=Strict"
        )
        // Requests that were under way with the old one get none.
        let second = try await fixture.send("GET", "/depot/inspection", "", [old])
        #expect(second.status == 200 && second.fields["set-cookie"] == nil)
        let third = try await fixture.send(
          "GET",
          "/depot/inspection",
          "",
          [fixture.cookie(fixture.successor)]
        )
        #expect(third.status == 200 && third.fields["set-cookie"] == nil)
        #expect(fixture.rotations == 2)
      }
    }

    @Test @EventLoop func `an exchange that fails harms no request`() async throws {
      try await DepotFixture.use { fixture in
        fixture.isRotationDue = true
        fixture.rotationFault = .unavailable("down")
        let answer = try await fixture.send(
          "GET",
          "/depot/inspection",
          "",
          [fixture.cookie(fixture.session)]
        )
        #expect(answer.status == 200 && answer.fields["set-cookie"] == nil)
      }
    }

    @Test @EventLoop func `a service gives and takes the cookie, where users come and go alone`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let cookie = fixture.cookie(fixture.session)
        let text = fixture.successor.text
        fixture.service.answer = { call throws(Fault) in
          call.trailers.append("latchkey-session", text)
        }
        let entered = try await fixture.send("POST", "/depot/enter", Self.item)
        #expect(entered.fields["set-cookie"]?.hasPrefix("__Host-latchkey-session=\(text);") == true)
        #expect(!String(decoding: entered.body, as: UTF8.self).contains(text))
        // No other route's service can.
        let put = try await fixture.send("POST", "/depot/items", Self.item, [cookie, Self.ours])
        #expect(put.status == 201 && put.fields["set-cookie"] == nil)
        fixture.service.answer = { call throws(Fault) in
          call.trailers.append("latchkey-session", "")
        }
        let left = try await fixture.send("POST", "/depot/leave", "", [cookie, Self.ours])
        #expect(
          left.fields["set-cookie"]
            == "__Host-latchkey-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict"
        )
      }
    }

    @Test @EventLoop func `a login brings no Idempotency-Key along`() async throws {
      try await DepotFixture.use { fixture in
        let fields = [("idempotency-key", "k")]
        let answer = try await fixture.send("POST", "/depot/enter", Self.item, fields)
        #expect(answer.status == 200)
        #expect(fixture.service.callers.last?.idempotencyKey == nil)
      }
    }

    @Test @EventLoop func `an Idempotency-Key of a user is no other's`() async throws {
      try await DepotFixture.use { fixture in
        let key = ("idempotency-key", "k")
        let byUser = [fixture.cookie(fixture.session), Self.ours, key]
        for fields in [byUser, [fixture.bearing(fixture.key), key], byUser] {
          let answer = try await fixture.send("POST", "/depot/items", Self.item, fields)
          #expect(answer.status == 201)
        }
        let keys = fixture.service.callers.map(\.idempotencyKey)
        #expect(keys[0] != nil && keys[0] == keys[2] && keys[1] != nil && keys[0] != keys[1])
      }
    }

    /// API keys of an account share theirs; what one was answered is not repeated to another.
    @Test @EventLoop func `who asks is part of the request`() async throws {
      try await DepotFixture.use { fixture in
        let key = ("idempotency-key", "k")
        for bearer in [fixture.key, fixture.otherKey, fixture.key] {
          let fields = [fixture.bearing(bearer), key]
          _ = try await fixture.send("POST", "/depot/items", Self.item, fields)
        }
        let callers = fixture.service.callers.suffix(3)
        #expect(Set(callers.map(\.idempotencyKey)).count == 1)
        let hashes = callers.map(\.requestHash)
        #expect(hashes[0] != nil && hashes[0] == hashes[2] && hashes[0] != hashes[1])
      }
    }

    @Test @EventLoop func `a throttled login says when to come again`() async throws {
      try await DepotFixture.use { fixture in
        fixture.service.answer = { _ throws(Fault) in
          throw Fault(
            .resourceExhausted,
            "Too many attempts",
            reason: .rateLimited,
            facts: [Fault.Fact("retryAfterSeconds", 42)]
          )
        }
        let answer = try await fixture.send("POST", "/depot/enter", Self.item)
        #expect(answer.status == 429)
        #expect(answer.fields["retry-after"] == "42")
      }
    }

    @Test @EventLoop
    func `a session is limited as an API key is, and a login by its address, once`()
      async throws
    {
      try await DepotFixture.use(rateLimits: RateLimits(management: 3, publicPages: 4)) { fixture in
        let cookie = fixture.cookie(fixture.session)
        for left in [2, 1, 0] {
          let answer = try await fixture.send("GET", "/depot/inspection", "", [cookie])
          #expect(answer.fields["x-ratelimit-remaining"] == "\(left)")
        }
        let over = try await fixture.send("GET", "/depot/inspection", "", [cookie])
        #expect(over.status == 429)
        fixture.service.answer = { _ throws(Fault) in throw Credential.refusal("wrong") }
        for left in [3, 2, 1, 0] {
          let answer = try await fixture.send(
            "POST",
            "/depot/enter",
            Self.item,
            from: "198.51.100.7"
          )
          #expect(answer.status == 401)
          #expect(answer.fields["x-ratelimit-remaining"] == "\(left)")
        }
        let full = try await fixture.send("POST", "/depot/enter", Self.item, from: "198.51.100.7")
        #expect(full.status == 429)
      }
    }
  }
}
