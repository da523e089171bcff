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

/// What the error envelope says, and that it is one.
@EventLoop
private func code(of answer: RecordedStream) -> String? {
  let envelope = (try? answer.json()) ?? [:]
  #expect(envelope["error"] is String)
  #expect(envelope["requestId"] as? String == answer.fields["x-request-id"])
  #expect(answer.fields["content-type"] == "application/json")
  return envelope["code"] as? String
}

extension GatewaySuites {
  @Suite struct RefusalTests {
    @Test @EventLoop func `400: every bad field is named`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "POST",
          "/api/v1/products",
          #"{"code":"a b","metadata":[]}"#,
          key: fixture.key
        )
        #expect(answer.status == 400)
        #expect(code(of: answer) == "VALIDATION_ERROR")
        let details = try #require(try answer.json()["details"] as? NSDictionary)
        let issues = try #require(details["issues"] as? [NSDictionary])
        #expect(issues.map { $0["path"] as? [String] } == [["metadata"], ["name"], ["code"]])
        #expect(
          issues.map { $0["code"] as? String } == [
            "invalid_type", "invalid_type", "invalid_string",
          ]
        )
      }
    }

    @Test(arguments: ["{", #"{"key":"a","key":"b"}"#, #"{"key":"\u0000"}"#, "[]", "nope"])
    @EventLoop func `400: bad JSON`(body: String) async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("POST", "/api/v1/licenses/validate-key", body)
        #expect(answer.status == 400)
        #expect(code(of: answer) == "VALIDATION_ERROR")
      }
    }

    @Test @EventLoop func `400: an array's index in a path is a number`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "POST",
          "/api/v1/licenses/validate-key",
          #"{"key":"a","entitlements":["x",1]}"#
        )
        #expect(
          String(decoding: answer.body, as: UTF8.self).contains(#""path":["entitlements",1]"#)
        )
      }
    }

    @Test @EventLoop func `401: no key, no API key, a wrong one, an unknown one, a revoked one`()
      async throws
    {
      try await GatewayFixture.use { fixture in
        let unknown = APIKey.generate(.live)
        let wrongLast = fixture.key.text.last == "A" ? "B" : "A"
        for field in [
          nil, "", "Bearer", "Bearer ", "Bearer nonsense", "License ATL-7QF2-M9XK-T4RD-W8HB",
          "Basic dXNlcjpwYXNz", fixture.key.text, "Bearer \(fixture.key.text)x",
          "Bearer \(fixture.key.text.dropLast())\(wrongLast)", "Bearer \(unknown.text)",
          "Bearer \(fixture.revokedKey.text)", "Bearerx\(fixture.key.text)",
        ] {
          let fields = field.map { [("authorization", $0)] } ?? []
          let answer = await fixture.send("GET", "/api/v1/products", "", fields)
          #expect(answer.status == 401)
          #expect(code(of: answer) == "UNAUTHORIZED")
          #expect(answer.fields["www-authenticate"] == "Bearer")
        }
        // Only keys with a right checksum cost a call.
        #expect(fixture.authentications == 2)
        #expect(fixture.callers.isEmpty)
      }
    }

    @Test @EventLoop func `401: two credentials are none`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "GET",
          "/api/v1/products",
          key: fixture.key,
          [("authorization", "Bearer x")]
        )
        #expect(answer.status == 401)
      }
    }

    @Test @EventLoop func `the scheme's name is read in either case`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "GET",
          "/api/v1/products",
          "",
          [("authorization", "bEARER  \(fixture.key.text)")]
        )
        #expect(answer.status == 200)
      }
    }

    @Test @EventLoop func `a verdict is asked for once, and again after keys have changed`()
      async throws
    {
      try await GatewayFixture.use { fixture in
        for _ in 0..<3 { _ = await fixture.send("GET", "/api/v1/products", key: fixture.key) }
        #expect(fixture.authentications == 1)
        _ = await fixture.send(
          "DELETE",
          "/api/v1/api-keys/\(GatewayFixture.account)",
          key: fixture.key
        )
        #expect(fixture.authentications == 1)
        _ = await fixture.send("GET", "/api/v1/products", key: fixture.key)
        #expect(fixture.authentications == 2)
      }
    }

    @Test @EventLoop func `403: the scope is missing`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "POST",
          "/api/v1/products",
          #"{"name":"a","code":"a"}"#,
          key: fixture.scopedKey
        )
        #expect(answer.status == 403)
        #expect(code(of: answer) == "FORBIDDEN")
        #expect(fixture.callers.isEmpty)
      }
    }

    @Test(arguments: [
      "/", "/api/v1/gadgets", "/api/v1/products/", "/api/v2/products", "/healthy", "*",
    ])
    @EventLoop func `404: there is no such address`(path: String) async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("GET", path, key: fixture.key)
        #expect(answer.status == 404)
        #expect(code(of: answer) == "NOT_FOUND")
      }
    }

    @Test @EventLoop func `405: the address has other methods`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send("PUT", "/api/v1/products", key: fixture.key)
        #expect(answer.status == 405)
        #expect(code(of: answer) == "METHOD_NOT_ALLOWED")
        #expect(answer.fields["allow"] == "GET, HEAD, OPTIONS, POST")
      }
    }

    /// Clients lose an answer that comes while they send: see `Exchange.refuse`.
    @Test(arguments: [
      (413, "/api/v1/licenses/validate-key"), (404, "/nothing"), (401, "/api/v1/products"),
    ])
    @EventLoop func `a refused request's body is thrown away before the answer`(
      status: Int,
      path: String
    ) async throws {
      try await GatewayFixture.use { fixture in
        let size = RequestRules.bodyBytesMax + 4
        let stream = RecordedStream(
          "POST",
          path,
          [("content-type", "application/json"), ("content-length", "\(size)")]
        )
        fixture.gateway.receivedHead(stream)
        for _ in 0..<4 {
          #expect(stream.status == 0)
          stream.arrive([UInt8](repeating: 0x20, count: size / 4), isLast: false)
          fixture.gateway.receivedBody(stream)
          #expect(stream.received.isEmpty)
        }
        stream.arrive([], isLast: true)
        fixture.gateway.receivedBody(stream)
        #expect(stream.status == status)
        #expect(code(of: stream) != nil)
      }
    }

    @Test(arguments: [
      [("content-length", "16777217")],
      [("content-length", "1048577"), ("expect", "100-continue")],
    ])
    @EventLoop func `413: a body that must not come is refused at once`(
      fields: [(String, String)]
    ) async throws {
      try await GatewayFixture.use { fixture in
        let stream = RecordedStream(
          "POST",
          "/api/v1/licenses/validate-key",
          [("content-type", "application/json")] + fields
        )
        fixture.gateway.receivedHead(stream)
        #expect(stream.status == 413)
        #expect(code(of: stream) == "PAYLOAD_TOO_LARGE")
        // What still comes is dropped.
        stream.arrive([0x20], isLast: false)
        fixture.gateway.receivedBody(stream)
        #expect(stream.received.isEmpty)
      }
    }

    @Test @EventLoop func `413: a body turns out to be too large, and then endless`() async throws {
      try await GatewayFixture.use { fixture in
        let stream = RecordedStream(
          "POST",
          "/api/v1/licenses/validate-key",
          [("content-type", "application/json")]
        )
        fixture.gateway.receivedHead(stream)
        stream.arrive([UInt8](repeating: 0x20, count: RequestRules.bodyBytesMax), isLast: false)
        fixture.gateway.receivedBody(stream)
        #expect(stream.received.count == RequestRules.bodyBytesMax)
        stream.arrive([0x20], isLast: false)
        fixture.gateway.receivedBody(stream)
        #expect(stream.received.isEmpty)
        #expect(stream.status == 0)
        stream.arrive(
          [UInt8](repeating: 0x20, count: RequestRules.discardedBytesMax),
          isLast: false
        )
        fixture.gateway.receivedBody(stream)
        #expect(stream.status == 413)
      }
    }

    @Test(arguments: [
      "text/plain", "application/jsonx", "application/x-www-form-urlencoded", "application",
    ])
    @EventLoop func `415: the body is not JSON`(type: String) async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "POST",
          "/api/v1/licenses/validate-key",
          #"{"key":"a"}"#,
          [("content-type", type)]
        )
        #expect(answer.status == 415)
        #expect(code(of: answer) == "UNSUPPORTED_MEDIA_TYPE")
      }
    }

    @Test @EventLoop func `415: the body is compressed`() async throws {
      try await GatewayFixture.use { fixture in
        let answer = await fixture.send(
          "POST",
          "/api/v1/licenses/validate-key",
          "x",
          [("content-type", "application/json"), ("content-encoding", "gzip")]
        )
        #expect(answer.status == 415)
      }
    }

    @Test @EventLoop func `431: the fields are too large`() async throws {
      try await GatewayFixture.use { fixture in
        let stream = RecordedStream("GET", "/api/v1/products")
        stream.request.isTooLarge = true
        fixture.gateway.receivedHead(stream)
        #expect(stream.status == 431)
        #expect(code(of: stream) == "HEADERS_TOO_LARGE")
      }
    }

    @Test @EventLoop func `a service's fault keeps its reason, its facts and its issues`()
      async throws
    {
      try await GatewayFixture.use { fixture in
        fixture.createProduct = { (_, _) async throws(Fault) in
          throw Fault(
            .failedPrecondition,
            "No more machines",
            reason: .machineLimitExceeded,
            facts: [Fault.Fact("max", 2), Fault.Fact("current", 2)],
            detail: "not for callers"
          )
        }
        let answer = await fixture.send(
          "POST",
          "/api/v1/products",
          #"{"name":"a","code":"a"}"#,
          key: fixture.key
        )
        #expect(answer.status == 422)
        #expect(code(of: answer) == "MACHINE_LIMIT_EXCEEDED")
        let details = try answer.json()["details"] as? NSDictionary
        #expect(details == ["max": 2, "current": 2])
      }
    }

    @Test @EventLoop func `500: nothing of our own error is told`() async throws {
      try await GatewayFixture.use { fixture in
        fixture.createProduct = { (_, _) async throws(Fault) in
          throw .internalError("table licenses.products is missing")
        }
        let answer = await fixture.send(
          "POST",
          "/api/v1/products",
          #"{"name":"a","code":"a"}"#,
          key: fixture.key
        )
        #expect(answer.status == 500)
        #expect(code(of: answer) == "INTERNAL_ERROR")
        let envelope = try answer.json()
        #expect(envelope["error"] as? String == "Internal error")
        #expect(envelope["details"] == nil)
      }
    }

    @Test @EventLoop func `503: a service has no database`() async throws {
      try await GatewayFixture.use { fixture in
        fixture.createProduct = { (_, _) async throws(Fault) in
          throw .unavailable("The database is not available")
        }
        let answer = await fixture.send(
          "POST",
          "/api/v1/products",
          #"{"name":"a","code":"a"}"#,
          key: fixture.key
        )
        #expect(answer.status == 503)
        #expect(code(of: answer) == "SERVICE_UNAVAILABLE")
      }
    }

    @Test @EventLoop func `503: the services are gone`() async throws {
      try await GatewayFixture.use { fixture in
        await fixture.server.drain(timeout: .seconds(1))
        for answer in [
          await fixture.send("GET", "/api/v1/products", key: fixture.key),
          await fixture.send("POST", "/api/v1/licenses/validate-key", #"{"key":"a"}"#),
        ] {
          #expect(answer.status == 503)
          #expect(code(of: answer) == "SERVICE_UNAVAILABLE")
        }
      }
    }

    @Test @EventLoop func `a client that hangs up cancels its call`() async throws {
      try await GatewayFixture.use { fixture in
        var started: CheckedContinuation<Void, Never>?
        var ended: CheckedContinuation<Void, Never>?
        var wasCancelled = false
        fixture.validate = { (_, _) async throws(Fault) in
          started?.resume()
          await EventLoop.sleep(for: .seconds(30))
          wasCancelled = Task.isCancelled
          ended?.resume()
          throw Fault(.cancelled, "Cancelled")
        }
        let stream = RecordedStream(
          "POST",
          "/api/v1/licenses/validate-key",
          [("content-type", "application/json")]
        )
        stream.arrive(Array(#"{"key":"a"}"#.utf8), isLast: true)
        await withCheckedContinuation {
          started = $0
          fixture.gateway.receivedHead(stream)
        }
        await withCheckedContinuation {
          ended = $0
          stream.isClosed = true
          fixture.gateway.closed(stream)
        }
        #expect(wasCancelled)
        #expect(stream.status == 0)
      }
    }
  }
}
