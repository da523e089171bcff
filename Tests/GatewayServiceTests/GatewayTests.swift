import Cryptography
import EventLoop
import Faults
import Foundation
import HTTP
import Messages
import Primitives
import RPC
import Testing

@testable import GatewayService

extension GatewaySuites {
  @Suite struct SuccessTests {
    @Test @EventLoop func `an answer is wrapped, named and not to be stored`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "POST",
          "/api/v1/products",
          #"{"name":"Atelier","code":"atelier"}"#,
          key: fixture.key
        )
        #expect(answer.status == 201)
        let data = try #require(try answer.json()["data"] as? NSDictionary)
        #expect(data["name"] as? String == "Atelier")
        #expect(data["description"] is NSNull)
        #expect(answer.fields["content-type"] == "application/json")
        #expect(answer.fields["content-length"] == String(answer.body.count))
        #expect(answer.fields["cache-control"] == "no-store")
        #expect(answer.fields["x-request-id"]?.count == 26)
        #expect(answer.fields["x-signature"] == nil)
      }
    }

    @Test @EventLoop func `the service learns who calls, and from where`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("GET", "/api/v1/products", key: fixture.scopedKey)
        #expect(answer.status == 200)
        let caller = try #require(fixture.callers.first ?? nil)
        #expect(caller.accountId == GatewayFixture.account)
        #expect(caller.environment == .test)
        #expect(caller.actorKind == .apiKey)
        #expect(caller.scopes == ["products:read"])
        #expect(caller.clientAddress == "203.0.113.9")
        #expect(fixture.requestIDs.first == answer.fields["x-request-id"])
      }
    }

    /// The client's address is 203.0.113.9.
    @Test(arguments: [
      (["203.0.113.0/24"], 200), (["2001:db8::/32", "203.0.113.9/32"], 200), (["0.0.0.0/0"], 200),
      (["203.0.113.8/32"], 403), (["10.0.0.0/8", "2001:db8::/32"], 403), (["::/0"], 403),
      (["nowhere"], 500),
    ])
    @EventLoop func `a key is good where it may be used`(
      ranges: [String],
      status: Int
    ) async throws {
      try await GatewayFixture.use { fixture in
        fixture.allowedAddresses = ranges
        let answer = await fixture.send("GET", "/api/v1/products", key: fixture.boundKey)
        #expect(answer.status == status)
        #expect(fixture.callers.isEmpty == (status != 200))
        guard status == 403 else { return }
        let refusal = try answer.json()
        #expect(refusal["code"] as? String == "FORBIDDEN")
        let sentence = "This API key may not be used from the address 203.0.113.9"
        #expect(refusal["error"] as? String == sentence)
        // Nor does it tell there which scopes it has.
        let other = await fixture.send("POST", "/api/v1/products", "{}", key: fixture.boundKey)
        let otherRefusal = try other.json()
        #expect(otherRefusal["error"] as? String == sentence)
      }
    }

    @Test @EventLoop func `a list is not wrapped`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("GET", "/api/v1/products?limit=5&x=y", key: fixture.key)
        #expect(
          String(decoding: answer.body, as: UTF8.self)
            == #"{"data":[],"pagination":{"nextCursor":null,"hasMore":false}}"#
        )
      }
    }

    @Test @EventLoop func `204 has neither body nor length`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "DELETE",
          "/api/v1/api-keys/\(GatewayFixture.account)",
          key: fixture.key
        )
        #expect(answer.status == 204)
        #expect(answer.body.isEmpty)
        #expect(answer.fields["content-length"] == nil && answer.fields["content-type"] == nil)
      }
    }

    @Test @EventLoop func `HEAD is GET without the body`() async throws {
      try await GatewayFixture.use { fixture in
        let get = await fixture.send("GET", "/api/v1/products", key: fixture.key)
        let head = await fixture.send("HEAD", "/api/v1/products", key: fixture.key)
        #expect(head.status == 200)
        #expect(head.body.isEmpty)
        #expect(head.fields["content-length"] == get.fields["content-length"])
      }
    }

    @Test @EventLoop func `OPTIONS says which methods there are`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("OPTIONS", "/api/v1/products")
        #expect(answer.status == 204)
        #expect(answer.fields["allow"] == "GET, HEAD, OPTIONS, POST")
      }
    }

    @Test @EventLoop func `a key within the path is decoded after the path is split`() async throws
    {
      try await GatewayFixture.use { fixture in
        var keys: [String] = []
        fixture.getLicenseByKey = { (request, _) async throws(Fault) in
          keys.append(request.key)
          throw .notFound("License not found")
        }
        let answer = await fixture.send(
          "GET",
          "/api/v1/licenses/by-key/A%2FB%20C%25",
          key: fixture.key
        )
        #expect(answer.status == 404)
        #expect(keys == ["A/B C%"])
      }
    }

    @Test @EventLoop func `a content type without a body is no error`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "GET",
          "/api/v1/products",
          key: fixture.key,
          [("content-type", "application/json"), ("accept", "application/json")]
        )
        #expect(answer.status == 200)
      }
    }

    @Test @EventLoop func `a body may come in pieces`() async throws {
      try await GatewayFixture.use { fixture in
        let stream = RecordedStream(
          "POST",
          "/api/v1/licenses/validate-key",
          [("content-type", "Application/JSON ; charset=utf-8")]
        )
        fixture.gateway.receivedHead(stream)
        for byte in #"{"key":"ATL-1"}"#.utf8 {
          stream.arrive([byte], isLast: false)
          fixture.gateway.receivedBody(stream)
        }
        #expect(stream.acknowledged == 15)
        #expect(stream.status == 0)
        stream.arrive([], isLast: true)
        fixture.gateway.receivedBody(stream)
        await stream.answered()
        #expect(stream.status == 200)
      }
    }
  }

  @Suite struct SignatureTests {
    private static let body = #"{"key":"ATL-7QF2-M9XK-T4RD-W8HB"}"#

    @Test @EventLoop func `a validation is signed over the exact body`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("POST", "/api/v1/licenses/validate-key", Self.body)
        #expect(answer.status == 200)
        let timestamp = try #require(answer.fields["x-signature-timestamp"])
        let age = try #require(Int(timestamp)) - Int(Date().timeIntervalSince1970)
        #expect(abs(age) <= 2)
        let code = HMACSHA256(key: Array(GatewayFixture.signingKey.utf8))
          .authenticate(Array("\(timestamp).".utf8), answer.body)
        #expect(answer.fields["x-signature"] == code.map { String(format: "%02x", $0) }.joined())
        #expect(fixture.signingKeyRequests == [GatewayFixture.account])
        let caller = try #require(fixture.callers.first ?? nil)
        #expect(caller.actorKind == .anonymous && caller.accountId == nil)
      }
    }

    @Test @EventLoop func `the signing key is asked for once`() async throws {
      try await GatewayFixture.use { fixture in
        for _ in 0..<3 {
          _ = await fixture.send("POST", "/api/v1/licenses/validate-key", Self.body)
        }
        #expect(fixture.signingKeyRequests.count == 1)
      }
    }

    @Test @EventLoop func `without a named account the deployment's only one signs`() async throws {
      try await GatewayFixture.use { fixture in
        fixture.validate = { (_, _) async throws(Fault) in
          ValidateKeyResponse(valid: false, code: .notFound, metadata: Array("{}".utf8))
        }
        let answer = await fixture.send("POST", "/api/v1/licenses/validate-key", Self.body)
        #expect(answer.fields["x-signature"] != nil)
        #expect(fixture.signingKeyRequests == [nil])
      }
    }

    @Test @EventLoop func `an error is not signed`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("POST", "/api/v1/licenses/validate-key", "{}")
        #expect(answer.status == 400)
        #expect(answer.fields["x-signature"] == nil)
      }
    }
  }
}
