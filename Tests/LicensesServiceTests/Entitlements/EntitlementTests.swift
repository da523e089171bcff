import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct EntitlementTests {
  @Test @EventLoop func `an entitlement is made, read, listed, changed and deleted`() async throws {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let made = try await client.createEntitlement(
        CreateEntitlementRequest(
          code: "export_pdf",
          name: "PDF export",
          description: "Files",
          metadata: Array(#"{"a": 1}"#.utf8)
        ),
        options
      )
      #expect(made.createdAt == fixture.clock.now.milliseconds)
      let get = GetEntitlementRequest(id: made.id)
      #expect(try await client.getEntitlement(get, options) == made)
      #expect(try await client.listEntitlements(ListEntitlementsRequest(), options).data == [made])
      fixture.clock.advance(by: .seconds(1))
      let changed = try await client.updateEntitlement(
        UpdateEntitlementRequest(id: made.id, code: "pdf", presentNames: ["code", "description"]),
        options
      )
      var expected = made
      expected.code = "pdf"
      expected.description = nil
      expected.updatedAt = fixture.clock.now.milliseconds
      #expect(changed == expected)
      #expect(try await client.getEntitlement(get, options) == expected)
      let delete = DeleteEntitlementRequest(id: made.id)
      _ = try await client.deleteEntitlement(delete, options)
      let faults = [
        try await fault { try await client.getEntitlement(get, options) },
        try await fault { try await client.deleteEntitlement(delete, options) },
        try await fault {
          try await client.updateEntitlement(UpdateEntitlementRequest(id: made.id), options)
        },
      ]
      #expect(faults.map(\.reason) == [.notFound, .notFound, .notFound])
      #expect(try await client.listEntitlements(ListEntitlementsRequest(), options).data.isEmpty)
      #expect(
        try await fixture.audited(made.id).map(\.action) == [
          "entitlement.create", "entitlement.update", "entitlement.delete",
        ]
      )
    }
  }

  @Test @EventLoop func `a code is taken once in an environment, until it is deleted`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let first = try await fixture.entitlement("sso")
      let second = try await fixture.entitlement("pdf")
      let faults = [
        try await fault { try await fixture.entitlement("sso") },
        try await fault {
          try await fixture.client.updateEntitlement(
            UpdateEntitlementRequest(id: second.id, code: "sso"),
            fixture.options
          )
        },
      ]
      #expect(faults.map(\.reason) == [.constraintViolation, .constraintViolation])
      for stranger in fixture.strangers { _ = try await fixture.entitlement("sso", stranger) }
      let delete = DeleteEntitlementRequest(id: first.id)
      _ = try await fixture.client.deleteEntitlement(delete, fixture.options)
      _ = try await fixture.entitlement("sso")
    }
  }

  @Test @EventLoop func `bad fields and nulls are named`() async throws {
    try await LicensesFixture.with { fixture in
      for (code, name, path) in [
        ("Upper", "n", "code"), ("", "n", "code"), ("a b", "n", "code"), ("c", "", "name"),
        (String(repeating: "c", count: 101), "n", "code"),
        ("c", String(repeating: "n", count: 256), "name"),
      ] {
        let fault = try await fault {
          try await fixture.client.createEntitlement(
            CreateEntitlementRequest(code: code, name: name),
            fixture.options
          )
        }
        #expect(fault.issues.map(\.path) == [[path]])
      }
      let made = try await fixture.entitlement("c")
      let nulls = try await fault {
        try await fixture.client.updateEntitlement(
          UpdateEntitlementRequest(id: made.id, presentNames: ["code", "name", "metadata"]),
          fixture.options
        )
      }
      #expect(nulls.issues.map(\.path) == [["code"], ["name"], ["metadata"]])
    }
  }

  @Test @EventLoop func `another tenant's entitlement is not there`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.entitlement("c")
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        let faults = [
          try await fault {
            try await fixture.client.getEntitlement(GetEntitlementRequest(id: made.id), options)
          },
          try await fault {
            try await fixture.client.updateEntitlement(
              UpdateEntitlementRequest(id: made.id, name: "n"),
              options
            )
          },
          try await fault {
            try await fixture.client.deleteEntitlement(
              DeleteEntitlementRequest(id: made.id),
              options
            )
          },
        ]
        #expect(faults.map(\.reason) == [.notFound, .notFound, .notFound])
      }
    }
  }
}
