import EventLoop
import Foundation
import HTTP
import Messages
import Testing

@testable import GatewayService

extension GatewaySuites {
  @Suite struct IdempotencyKeyTests {
    private static let license = ("authorization", "License \(DepotFixture.licenseKey)")
    private static let item = #"{"name":"lamp"}"#

    /// What the service is told of a request.
    @EventLoop private static func hashes(
      _ fixture: DepotFixture,
      _ method: String,
      _ target: String,
      _ body: String,
      _ fields: [(String, String)]
    ) async throws -> (key: [UInt8]?, request: [UInt8]?) {
      let answer = try await fixture.send(method, target, body, fields)
      #expect((200...201).contains(answer.status))
      let caller = try #require(fixture.service.callers.last)
      return (caller.idempotencyKey, caller.requestHash)
    }

    @Test @EventLoop func `the same request has the same hashes, another one has others`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let key = ("idempotency-key", "a-1")
        let first = try await Self.hashes(
          fixture,
          "POST",
          "/depot/items",
          Self.item,
          [Self.license, key]
        )
        #expect(first.key?.count == 32 && first.request?.count == 32)
        // Written in another way, with other parts that do not matter.
        let again = try await Self.hashes(
          fixture,
          "POST",
          "/depot/items?x=1",
          #"{ "other": 1, "name" : "lamp" }"#,
          [Self.license, key]
        )
        #expect(again == first)
        let otherBody = try await Self.hashes(
          fixture,
          "POST",
          "/depot/items",
          #"{"name":"chair"}"#,
          [Self.license, key]
        )
        #expect(otherBody.key == first.key && otherBody.request != first.request)
        let otherKey = try await Self.hashes(
          fixture,
          "POST",
          "/depot/items",
          Self.item,
          [Self.license, ("idempotency-key", "a-2")]
        )
        #expect(otherKey.key != first.key && otherKey.request == first.request)
        let otherPath = try await Self.hashes(
          fixture,
          "POST",
          "/depot/items/lamp/touch",
          "",
          [Self.license, key]
        )
        #expect(otherPath.key != first.key)
        let otherVerb = try await Self.hashes(
          fixture,
          "PATCH",
          "/depot/items/lamp",
          "",
          [fixture.bearing(fixture.key), key]
        )
        #expect(otherVerb.key != first.key)
      }
    }

    @Test @EventLoop func `without the header there are no hashes`() async throws {
      try await DepotFixture.use { fixture in
        let none = try await Self.hashes(
          fixture,
          "POST",
          "/depot/items",
          Self.item,
          [Self.license]
        )
        #expect(none.key == nil && none.request == nil)
      }
    }

    @Test @EventLoop func `a key of 255 visible characters is taken, others and several are not`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let visible = String(decoding: UInt8(0x21)...UInt8(0x7E), as: UTF8.self)
        for good in ["x", visible, String(repeating: "k", count: 255)] {
          _ = try await Self.hashes(
            fixture,
            "POST",
            "/depot/items",
            Self.item,
            [Self.license, ("idempotency-key", good)]
          )
        }
        let before = fixture.service.callers.count
        for bad in [
          [""], ["a b"], ["ä"], ["a\t"], [String(repeating: "k", count: 256)], ["a", "a"],
        ] {
          let answer = try await fixture.send(
            "POST",
            "/depot/items",
            Self.item,
            [Self.license] + bad.map { ("idempotency-key", $0) }
          )
          #expect(answer.status == 400)
          let envelope = try answer.json()
          #expect(envelope["code"] as? String == "VALIDATION_ERROR")
          let details = try #require(envelope["details"] as? NSDictionary)
          let issues = try #require(details["issues"] as? [NSDictionary])
          #expect(issues.map { $0["path"] as? [String] } == [["Idempotency-Key"]])
        }
        #expect(fixture.service.callers.count == before)
      }
    }

    @Test @EventLoop func `on other verbs the header says nothing`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "GET",
          "/api/v1/products",
          key: fixture.key,
          [("idempotency-key", "a b")]
        )
        #expect(answer.status == 200)
        let caller = try #require(fixture.callers.last ?? nil)
        #expect(caller.idempotencyKey == nil && caller.requestHash == nil)
      }
    }
  }
}
