import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct UpdateLicenseTests {
  @Test @EventLoop func `what is given is set, null clears, and the rest stays`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.license({
        $0.name = "Studio seat"
        $0.userEmail = "pat@studio.example"
        $0.userName = "Pat"
        $0.maxMachinesOverride = 4
        $0.metadata = Array(#"{"seat": 1}"#.utf8)
      })
      fixture.clock.advance(by: .seconds(5))
      let changed = try await fixture.client.updateLicense(
        UpdateLicenseRequest(
          id: made.id,
          name: "Atelier",
          userEmail: "lou@studio.example",
          metadata: Array(#"{"seat": 2}"#.utf8),
          presentNames: ["name", "userEmail", "maxMachinesOverride", "metadata"]
        ),
        fixture.options
      )
      #expect(changed.name == "Atelier")
      #expect(changed.userEmail == "lou@studio.example")
      #expect(changed.userName == "Pat")
      #expect(changed.maxMachinesOverride == nil)
      #expect(changed.updatedAt == made.updatedAt + 5_000)
      var read = try await fixture.reread(made)
      // The database writes JSON in its own way.
      #expect(read.metadata == Array(#"{"seat": 2}"#.utf8))
      read.metadata = changed.metadata
      #expect(read == changed)
      for (value, count) in [("1", 0), ("2", 1)] {
        let found = try await fixture.client.listLicenses(
          ListLicensesRequest(metadataKey: "seat", metadataValue: value),
          fixture.options
        )
        #expect(found.data.count == count)
      }
      #expect(try await fixture.events(of: made) == ["license.created", "license.updated"])
      let line = try #require(try await fixture.audited(made.id).last)
      #expect(line.action == "license.update")
      #expect(String(decoding: line.before ?? [], as: UTF8.self).contains("Studio seat"))
      #expect(String(decoding: line.after ?? [], as: UTF8.self).contains("Atelier"))
      let customers = try await fixture.client.listCustomers(
        ListCustomersRequest(email: "lou@studio.example"),
        fixture.options
      )
      #expect(customers.data.count == 1)
    }
  }

  @Test @EventLoop func `another policy of the product brings its terms, and machines follow`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue { $0.maxMachines = 2 }
      let other = try await fixture.policy(of: product) {
        $0.name = "Other"
        $0.maxMachines = 1
        $0.overridable = false
      }
      let sso = try await fixture.entitlement("sso")
      _ = try await fixture.client.attachPolicyEntitlements(
        AttachmentRequest(id: other.id, entitlementIds: [sso.id]),
        fixture.options
      )
      let made = try await fixture.client.createLicense(
        CreateLicenseRequest(
          productId: product.id,
          policyId: policy.id,
          maxMachinesOverride: 2
        ),
        fixture.options
      )
      for machine in ["machine-1", "machine-2"] {
        _ = try await fixture.client.activateMachine(
          ActivateMachineRequest(fingerprint: machine, licenseId: made.id),
          fixture.options
        )
      }
      let kept = try await fault {
        try await fixture.client.updateLicense(
          UpdateLicenseRequest(id: made.id, policyId: other.id),
          fixture.options
        )
      }
      #expect(kept.reason == .businessRuleViolation)
      let moved = try await fixture.client.updateLicense(
        UpdateLicenseRequest(
          id: made.id,
          policyId: other.id,
          presentNames: ["policyId", "maxMachinesOverride"]
        ),
        fixture.options
      )
      #expect(moved.policyId == other.id)
      #expect(moved.policy?.id == other.id)
      #expect(moved.entitlements == ["sso"])
      #expect(moved.expiresAt == made.expiresAt)
      let read = try await fixture.reread(made)
      #expect(read.machines.map(\.fingerprint) == ["machine-2", "machine-1"])
      #expect(read.machineCount == 2)
      let followed = try await fixture.count(
        "select count(*) from licenses.machines where policy_id = \(try #require(UUID(other.id)))"
      )
      #expect(followed == 2)
      let third = try await fault {
        try await fixture.client.activateMachine(
          ActivateMachineRequest(fingerprint: "machine-3", licenseId: made.id),
          fixture.options
        )
      }
      #expect(third.reason == .machineLimitExceeded)
    }
  }

  @Test @EventLoop func `its own entitlements are replaced`() async throws {
    try await LicensesFixture.with { fixture in
      let one = try await fixture.entitlement("one")
      let two = try await fixture.entitlement("two")
      let made = try await fixture.license({ $0.entitlementIds = [one.id] })
      let changed = try await fixture.client.updateLicense(
        UpdateLicenseRequest(id: made.id, entitlementIds: [two.id]),
        fixture.options
      )
      #expect(changed.entitlements == ["two"])
      let cleared = try await fixture.client.updateLicense(
        UpdateLicenseRequest(id: made.id, presentNames: ["entitlementIds"]),
        fixture.options
      )
      #expect(cleared.entitlements == [])
      #expect(try await fixture.reread(made).entitlements == [])
    }
  }

  @Test @EventLoop func `what cannot be is refused`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.license(policy: { $0.overridable = false })
      let (_, foreign) = try await fixture.catalogue()
      let absent = UUID.v7().description
      let rows: [(UpdateLicenseRequest, Fault.Reason, [[String]])] = [
        (UpdateLicenseRequest(id: absent, name: "x"), .notFound, []),
        (UpdateLicenseRequest(id: made.id, policyId: absent), .referenceNotFound, []),
        (UpdateLicenseRequest(id: made.id, policyId: foreign.id), .businessRuleViolation, []),
        (UpdateLicenseRequest(id: made.id, maxUsesOverride: 1), .businessRuleViolation, []),
        (UpdateLicenseRequest(id: made.id, entitlementIds: [absent]), .referenceNotFound, []),
        (
          UpdateLicenseRequest(
            id: made.id,
            expiresAt: 1_000,
            presentNames: ["policyId", "metadata", "expiresAt"]
          ), .validationError, [["metadata"], ["policyId"], ["expiresAt"]]
        ),
      ]
      for (request, reason, paths) in rows {
        let fault = try await fault {
          try await fixture.client.updateLicense(request, fixture.options)
        }
        #expect(fault.reason == reason)
        #expect(fault.issues.map(\.path) == paths)
      }
      for stranger in fixture.strangers {
        let fault = try await fault {
          try await fixture.client.updateLicense(
            UpdateLicenseRequest(id: made.id, name: "x"),
            fixture.options(stranger)
          )
        }
        #expect(fault.reason == .notFound)
      }
      #expect(try await fixture.events(of: made) == ["license.created"])
    }
  }

  /// The expiry of a license that has expired is moved by renewing it, which says so in an event of its own.
  @Test @EventLoop func `the expiry is changed while the license is active or suspended`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.license(policy: { $0.durationDays = 1 })
      let later = made.createdAt + 5 * 86_400_000
      let request = UpdateLicenseRequest(id: made.id, expiresAt: later)
      #expect(
        try await fixture.client.updateLicense(request, fixture.options).expiresAt == later
      )
      fixture.clock.advance(by: .seconds(6 * 86_400))
      let fault = try await fault {
        try await fixture.client.updateLicense(
          UpdateLicenseRequest(id: made.id, expiresAt: later + 5 * 86_400_000),
          fixture.options
        )
      }
      #expect(fault.reason == .conflict)
      let named = try await fixture.client.updateLicense(
        UpdateLicenseRequest(id: made.id, name: "late"),
        fixture.options
      )
      #expect(named.status == .expired)
      #expect(
        try await fixture.events(of: made) == [
          "license.created", "license.updated", "license.expired", "license.updated",
        ]
      )
    }
  }

  @Test @EventLoop func `a deleted license is gone with its machines, and its key is free`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.license({ $0.metadata = Array(#"{"seat": 1}"#.utf8) })
      let key = try #require(made.key)
      _ = try await fixture.client.activateMachine(
        ActivateMachineRequest(fingerprint: "machine-1", licenseId: made.id),
        fixture.options
      )
      for stranger in fixture.strangers {
        let fault = try await fault {
          try await fixture.client.deleteLicense(
            DeleteLicenseRequest(id: made.id),
            fixture.options(stranger)
          )
        }
        #expect(fault.reason == .notFound)
      }
      _ = try await fixture.client.deleteLicense(
        DeleteLicenseRequest(id: made.id),
        fixture.options
      )
      let client = try fixture.client
      let options = fixture.options
      for fault in [
        try await fault { try await client.getLicense(GetLicenseRequest(id: made.id), options) },
        try await fault {
          try await client.getLicenseByKey(GetLicenseByKeyRequest(key: key), options)
        },
        try await fault {
          try await client.deleteLicense(DeleteLicenseRequest(id: made.id), options)
        },
      ] {
        #expect(fault.reason == .notFound)
      }
      #expect(try await fixture.validate(key).0.code == .notFound)
      #expect(
        try await fixture.client.listLicenses(ListLicensesRequest(), fixture.options).data.isEmpty
      )
      let machines = try await fixture.client.listMachines(ListMachinesRequest(), fixture.options)
      #expect(machines.data.isEmpty)
      let products = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      #expect(products.data.map(\.licensesCount) == [0])
      #expect(try await fixture.count("select count(*) from licenses.license_metadata") == 0)
      #expect(try await fixture.count("select count(*) from licenses.license_key_hashes") == 0)
      let types = try await fixture.events(of: made)
      #expect(types == ["license.created", "machine.activated", "license.deleted"])
      let line = try #require(try await fixture.audited(made.id).last)
      #expect(line.action == "license.delete")
      #expect(line.after == nil)
    }
  }
}
