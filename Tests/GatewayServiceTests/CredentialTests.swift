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
  @Suite struct CredentialTests {
    private static let item = #"{"name":"lamp"}"#

    @Test @EventLoop func `a license key is passed on as it was typed, with nothing known of it`()
      async throws
    {
      try await DepotFixture.use { fixture in
        for field in ["License atl-7qf2-m9xk-t4rd-w8hb", "lICENSE   atl-7qf2-m9xk-t4rd-w8hb"] {
          let answer = try await fixture.send(
            "POST",
            "/depot/items",
            Self.item,
            [("authorization", field)]
          )
          #expect(answer.status == 201)
        }
        for caller in fixture.service.callers {
          #expect(caller.actorKind == .licenseKey)
          #expect(caller.licenseKey == "atl-7qf2-m9xk-t4rd-w8hb")
          #expect(caller.accountId == nil && caller.environment == nil && caller.actorId == nil)
          #expect(caller.scopes.isEmpty)
          #expect(!"\(caller)".contains("7qf2") && !String(reflecting: caller).contains("7qf2"))
        }
        #expect(fixture.service.callers.count == 2)
        #expect(fixture.authentications == 0)
      }
    }

    @Test @EventLoop func `an API key in its place needs the scope`() async throws {
      try await DepotFixture.use { fixture in
        let good = try await fixture.send(
          "POST",
          "/depot/items",
          Self.item,
          [fixture.bearing(fixture.key)]
        )
        #expect(good.status == 201)
        #expect(fixture.service.callers.first?.actorKind == .apiKey)
        #expect(fixture.service.callers.first?.licenseKey == nil)
        let bad = try await fixture.send(
          "POST",
          "/depot/items",
          Self.item,
          [fixture.bearing(fixture.readingKey)]
        )
        #expect(bad.status == 403)
      }
    }

    @Test @EventLoop func `what a route does not take is refused, naming what it takes`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let apiKey = fixture.bearing(fixture.key).1
        let license = "License \(DepotFixture.licenseKey)"
        let rows: [(method: String, target: String, field: String?, challenge: String)] = [
          ("POST", "/depot/items", nil, "Bearer, License"),
          ("POST", "/depot/items", "Basic eDp5", "Bearer, License"),
          ("POST", "/depot/items", "License", "Bearer, License"),
          ("POST", "/depot/items", "License ", "Bearer, License"),
          ("POST", "/depot/items", "Licenses X", "Bearer, License"),
          ("POST", "/depot/items", "License a b", "Bearer, License"),
          ("POST", "/depot/items", "License ä", "Bearer, License"),
          (
            "POST", "/depot/items", "License " + String(repeating: "x", count: 256),
            "Bearer, License"
          ),
          ("POST", "/depot/items/lamp/touch", nil, "License"),
          ("POST", "/depot/items/lamp/touch", apiKey, "License"),
          ("PATCH", "/depot/items/lamp", nil, "Bearer"),
          ("PATCH", "/depot/items/lamp", license, "Bearer"),
          ("POST", "/depot/check", license, "Bearer"),
          ("POST", "/depot/check", "", "Bearer"),
          ("POST", "/depot/check", "Bearer nonsense", "Bearer"),
        ]
        for row in rows {
          let fields = row.field.map { [("authorization", $0)] } ?? []
          let answer = try await fixture.send(row.method, row.target, "{}", fields)
          #expect(answer.status == 401, "\(row)")
          #expect(answer.fields["www-authenticate"] == row.challenge, "\(row)")
          #expect(try answer.json()["code"] as? String == "UNAUTHORIZED")
        }
        let two = try await fixture.send(
          "POST",
          "/depot/items",
          Self.item,
          [("authorization", license), ("authorization", apiKey)]
        )
        #expect(two.status == 401)
        #expect(fixture.service.callers.isEmpty)
      }
    }

    @Test @EventLoop func `a license key of 255 characters is taken`() async throws {
      try await DepotFixture.use { fixture in
        let key = String(repeating: "~", count: 255)
        let answer = try await fixture.send(
          "POST",
          "/depot/items/lamp/touch",
          "",
          [("authorization", "License \(key)")]
        )
        #expect(answer.status == 200)
        #expect(fixture.service.callers.first?.licenseKey == key)
      }
    }

    @Test @EventLoop
    func `a license key that the service does not know is 401, and is not repeated`()
      async throws
    {
      try await DepotFixture.use { fixture in
        fixture.service.answer = { _ throws(Fault) in
          throw Fault(.unauthenticated, "Unknown license key", reason: .unauthorized)
        }
        let answer = try await fixture.send(
          "POST",
          "/depot/items/lamp/touch",
          "",
          [("authorization", "License \(DepotFixture.licenseKey)")]
        )
        #expect(answer.status == 401)
        #expect(answer.fields["www-authenticate"] == "License")
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("7QF2"))
      }
    }

    @Test @EventLoop
    func `where a key is optional, nobody, somebody and an impostor are told apart`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let body = #"{"key":"k"}"#
        let nobody = try await fixture.send("POST", "/depot/check", body)
        #expect(nobody.status == 200)
        #expect(fixture.service.callers.last?.actorKind == .anonymous)
        let somebody = try await fixture.send(
          "POST",
          "/depot/check",
          body,
          [fixture.bearing(fixture.readingKey)]
        )
        #expect(somebody.status == 200)
        #expect(fixture.service.callers.last?.actorKind == .apiKey)
        #expect(fixture.service.callers.last?.accountId == DepotFixture.account)
        let impostor = try await fixture.send(
          "POST",
          "/depot/check",
          body,
          [fixture.bearing(APIKey.generate(.test))]
        )
        #expect(impostor.status == 401)
      }
    }

    @Test func `a description of a credential says its kind alone`() {
      for credential in [Credential.licenseKey("ATL-SECRET"), .apiKey(hash: [83, 69, 67])] {
        var dumped = ""
        dump(credential, to: &dumped)
        for text in ["\(credential)", String(reflecting: credential), dumped] {
          #expect(!text.contains("SECRET") && !text.contains("83"), "\(text)")
        }
      }
    }

    @Test @EventLoop func `a service may choose another status of success`() async throws {
      try await DepotFixture.use { fixture in
        for (status, expected) in [
          ("200", 200), ("201", 201), ("204", 204), ("299", 299), ("300", 500), ("199", 500),
          ("404", 500), ("2oo", 500), ("", 500),
        ] {
          fixture.service.answer = { call throws(Fault) in
            call.trailers.append("latchkey-status", status)
          }
          let answer = try await fixture.send(
            "POST",
            "/depot/items",
            Self.item,
            [fixture.bearing(fixture.key)]
          )
          #expect(answer.status == expected, "\(status)")
          #expect(answer.body.isEmpty == (expected == 204))
        }
      }
    }
  }
}
