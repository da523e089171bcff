import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ProductChangeTests {
  @Test @EventLoop func `a change sets what is given, clears what is null and keeps the rest`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.client.createProduct(
        CreateProductRequest(name: "A", code: "a", description: "Old", keyPrefix: "ATL"),
        fixture.options
      )
      fixture.clock.advance(by: .seconds(1))
      let changed = try await fixture.client.updateProduct(
        UpdateProductRequest(id: made.id, name: "B", presentNames: ["name", "description"]),
        fixture.options
      )
      var expected = made
      expected.name = "B"
      expected.description = nil
      expected.updatedAt = fixture.clock.now.milliseconds
      #expect(changed == expected)
      let request = GetProductRequest(id: made.id)
      #expect(try await fixture.client.getProduct(request, fixture.options) == expected)
      let lines = try await fixture.audited(made.id)
      #expect(lines.map(\.action) == ["product.create", "product.update"])
      #expect(lines.map { $0.before == nil } == [true, false])
    }
  }

  @Test @EventLoop func `all nulls that cannot be are told at once`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let names = ["name", "code", "description", "keyPrefix", "metadata"]
      let fault = try await fault {
        try await fixture.client.updateProduct(
          UpdateProductRequest(id: product.id, presentNames: names),
          fixture.options
        )
      }
      #expect(fault.reason == .validationError)
      #expect(fault.issues.map(\.path) == [["name"], ["code"], ["keyPrefix"], ["metadata"]])
      #expect(Set(fault.issues.map(\.code)) == ["invalid_type"])
    }
  }

  @Test @EventLoop func `the code of another product is refused, its own is not`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product("a")
      _ = try await fixture.product("b")
      func rename(_ code: String) async throws -> Product {
        try await fixture.client.updateProduct(
          UpdateProductRequest(id: product.id, code: code),
          fixture.options
        )
      }
      let fault = try await fault { try await rename("b") }
      #expect(fault.reason == .constraintViolation)
      #expect(try await rename("a").code == "a")
    }
  }

  /// Each writes the whole row, so whoever read before another has written would undo that.
  @Test @EventLoop func `changes of different fields at once all hold`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let client = try fixture.client
      let options = fixture.options
      for round in 0..<8 {
        let requests = [
          UpdateProductRequest(id: product.id, name: "n\(round)"),
          UpdateProductRequest(id: product.id, description: "d\(round)"),
          UpdateProductRequest(id: product.id, keyPrefix: round % 2 == 0 ? "AB" : "CD"),
          UpdateProductRequest(id: product.id, code: "c\(round)"),
        ]
        let changes = requests.map { request in
          EventLoop.spawn { try? await client.updateProduct(request, options) }
        }
        for change in changes { #expect(await change.value != nil) }
        let got = try await client.getProduct(GetProductRequest(id: product.id), options)
        #expect(got.name == "n\(round)")
        #expect(got.description == "d\(round)")
        #expect(got.code == "c\(round)")
      }
    }
  }

  @Test @EventLoop func `a deleted product is gone with its policies, and its code is free`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product("a")
      let policy = try await fixture.policy(of: product)
      let request = DeleteProductRequest(id: product.id)
      _ = try await fixture.client.deleteProduct(request, fixture.options)
      let gone = [
        try await fault {
          try await fixture.client.getProduct(GetProductRequest(id: product.id), fixture.options)
        },
        try await fault {
          try await fixture.client.updateProduct(
            UpdateProductRequest(id: product.id, name: "n"),
            fixture.options
          )
        },
        try await fault { try await fixture.client.deleteProduct(request, fixture.options) },
        try await fault {
          try await fixture.client.getPolicy(GetPolicyRequest(id: policy.id), fixture.options)
        },
      ]
      #expect(gone.map(\.reason) == Array(repeating: .notFound, count: 4))
      #expect(
        try await fault { try await fixture.policy(of: product) }.reason == .referenceNotFound
      )
      _ = try await fixture.product("a")
      let line = try #require(try await fixture.audited(product.id).last)
      #expect(line.action == "product.delete")
      #expect(line.after == nil)
    }
  }

  @Test @EventLoop func `a product with licenses is not deleted`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let fault = try await fault {
        try await fixture.client.deleteProduct(
          DeleteProductRequest(id: license.productId),
          fixture.options
        )
      }
      #expect(fault.reason == .conflict)
      #expect(fault.code == .aborted)
    }
  }

  /// A policy of a product that is gone, or a license on one, would be on terms that nobody can see.
  @Test @EventLoop func `no policy or license slips into a product that is being deleted`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      for round in 0..<12 {
        let product = try await fixture.product("p\(round)")
        let policy = try await fixture.policy(of: product)
        let deletion = EventLoop.spawn {
          (try? await client.deleteProduct(DeleteProductRequest(id: product.id), options)) != nil
        }
        let addition = EventLoop.spawn {
          let request = CreatePolicyRequest(productId: product.id, name: "n", maxMachines: 1)
          return try? await client.createPolicy(request, options)
        }
        let issue = EventLoop.spawn {
          let request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
          return try? await client.createLicense(request, options)
        }
        let isDeleted = await deletion.value
        let isIssued = await issue.value != nil
        #expect(isDeleted != isIssued)
        if let added = await addition.value {
          let get = GetPolicyRequest(id: added.id)
          let isThere = (try? await client.getPolicy(get, options)) != nil
          #expect(isThere != isDeleted)
        }
      }
    }
  }

  @Test @EventLoop func `another tenant changes and deletes nothing`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        let faults = [
          try await fault {
            try await fixture.client.updateProduct(
              UpdateProductRequest(id: product.id, name: "n"),
              options
            )
          },
          try await fault {
            try await fixture.client.deleteProduct(DeleteProductRequest(id: product.id), options)
          },
        ]
        #expect(faults.map(\.reason) == [.notFound, .notFound])
        #expect(
          faults.map(\.message) == Array(repeating: "Product not found: \(product.id)", count: 2)
        )
      }
    }
  }
}
