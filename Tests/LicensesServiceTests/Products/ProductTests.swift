import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ProductTests {
  @Test @EventLoop func `a product is made with defaults and read back`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.client.createProduct(
        CreateProductRequest(name: "Atelier", code: "atelier"),
        fixture.options
      )
      #expect(made.keyPrefix == "LIC")
      #expect(made.description == nil)
      #expect(made.licensesCount == 0)
      #expect(made.metadata == Array("{}".utf8))
      #expect(made.createdAt == fixture.clock.now.milliseconds)
      #expect(made.updatedAt == made.createdAt)
      #expect(made.deletedAt == nil)
      let got = try await fixture.client.getProduct(
        GetProductRequest(id: made.id),
        fixture.options
      )
      #expect(got == made)
      let listed = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      #expect(listed.data == [made])
      #expect(listed.pagination == Pagination(nextCursor: nil, hasMore: false))
    }
  }

  @Test @EventLoop func `all that is given is kept`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.client.createProduct(
        CreateProductRequest(
          name: "Ätelier 2",
          code: "Atelier_2-x",
          description: "Paints",
          keyPrefix: "ATL",
          metadata: Array(#"{"tier":1}"#.utf8)
        ),
        fixture.options
      )
      let got = try await fixture.client.getProduct(
        GetProductRequest(id: made.id),
        fixture.options
      )
      #expect(got.name == "Ätelier 2")
      #expect(got.code == "Atelier_2-x")
      #expect(got.description == "Paints")
      #expect(got.keyPrefix == "ATL")
      #expect(String(decoding: got.metadata, as: UTF8.self) == #"{"tier": 1}"#)
    }
  }

  /// An input and the field that is refused.
  struct Refusal: Sendable {
    var request: CreateProductRequest
    var path: String
  }

  @Test(arguments: [
    Refusal(request: CreateProductRequest(name: "", code: "c"), path: "name"),
    Refusal(
      request: CreateProductRequest(name: String(repeating: "n", count: 256), code: "c"),
      path: "name"
    ),
    Refusal(request: CreateProductRequest(name: "n", code: ""), path: "code"),
    Refusal(request: CreateProductRequest(name: "n", code: "a b"), path: "code"),
    Refusal(
      request: CreateProductRequest(name: "n", code: String(repeating: "c", count: 51)),
      path: "code"
    ),
    Refusal(
      request: CreateProductRequest(
        name: "n",
        code: "c",
        description: String(repeating: "d", count: 1001)
      ),
      path: "description"
    ),
    Refusal(request: CreateProductRequest(name: "n", code: "c", keyPrefix: "A"), path: "keyPrefix"),
    Refusal(
      request: CreateProductRequest(name: "n", code: "c", keyPrefix: "ABCDEFGHIJK"),
      path: "keyPrefix"
    ),
    Refusal(
      request: CreateProductRequest(name: "n", code: "c", keyPrefix: "atl"),
      path: "keyPrefix"
    ),
  ])
  @EventLoop func `a bad field is named`(refusal: Refusal) async throws {
    try await LicensesFixture.with { fixture in
      let fault = try await fault {
        try await fixture.client.createProduct(refusal.request, fixture.options)
      }
      #expect(fault.reason == .validationError)
      #expect(fault.issues.map(\.path) == [[refusal.path]])
    }
  }

  @Test @EventLoop func `metadata that is no JSON object is refused`() async throws {
    try await LicensesFixture.with { fixture in
      for text in ["[]", "1", "{", "null", #"{"a": "\u0000"}"#] {
        let fault = try await fault {
          try await fixture.client.createProduct(
            CreateProductRequest(name: "n", code: "c", metadata: Array(text.utf8)),
            fixture.options
          )
        }
        #expect(fault.reason == .validationError)
        #expect(fault.issues.map(\.path) == [["metadata"]])
      }
    }
  }

  @Test @EventLoop func `a code is taken once in an environment`() async throws {
    try await LicensesFixture.with { fixture in
      _ = try await fixture.product("atelier")
      let fault = try await fault { try await fixture.product("atelier") }
      #expect(fault.code == .failedPrecondition)
      #expect(fault.reason == .constraintViolation)
      _ = try await fixture.product("Atelier")
      for stranger in fixture.strangers { _ = try await fixture.product("atelier", stranger) }
    }
  }

  /// Whoever comes second is refused, however close behind.
  @Test @EventLoop func `of many products with one code made at once, one is`() async throws {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let attempts = (0..<32).map { _ in
        EventLoop.spawn { () async -> Fault.Reason? in
          do throws(Fault) {
            _ = try await client.createProduct(
              CreateProductRequest(name: "n", code: "one"),
              options
            )
            return nil
          } catch {
            return error.reason ?? .internalError
          }
        }
      }
      var reasons: [Fault.Reason?] = []
      for attempt in attempts { reasons.append(await attempt.value) }
      #expect(reasons.filter { $0 == nil }.count == 1)
      #expect(reasons.filter { $0 == .constraintViolation }.count == 31)
      let listed = try await fixture.client.listProducts(ListProductsRequest(), options)
      #expect(listed.data.count == 1)
    }
  }

  @Test @EventLoop func `products are listed page by page, newest first`() async throws {
    try await LicensesFixture.with { fixture in
      var ids: [String] = []
      for index in 0..<5 {
        fixture.clock.advance(by: .milliseconds(1))
        ids.insert(try await fixture.product("p\(index)").id, at: 0)
      }
      var seen: [String] = []
      var cursor: String?
      for count in [2, 2, 1] {
        let page = try await fixture.client.listProducts(
          ListProductsRequest(cursor: cursor, limit: 2),
          fixture.options
        )
        #expect(page.data.count == count)
        seen += page.data.map(\.id)
        cursor = page.pagination.nextCursor
        #expect(page.pagination.hasMore == (cursor != nil))
      }
      #expect(seen == ids)
      #expect(cursor == nil)
    }
  }

  @Test(arguments: [
    ListProductsRequest(cursor: "not-an-id"), ListProductsRequest(limit: 0),
    ListProductsRequest(limit: 101), ListProductsRequest(limit: -1),
  ])
  @EventLoop func `a bad cursor or limit is refused`(request: ListProductsRequest) async throws {
    try await LicensesFixture.with { fixture in
      let fault = try await fault {
        try await fixture.client.listProducts(request, fixture.options)
      }
      #expect(fault.reason == .validationError)
    }
  }

  @Test @EventLoop func `another tenant's product is not there`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        let fault = try await fault {
          try await fixture.client.getProduct(GetProductRequest(id: product.id), options)
        }
        #expect(fault.reason == .notFound)
        #expect(fault.message == "Product not found: \(product.id)")
        #expect(try await fixture.client.listProducts(ListProductsRequest(), options).data.isEmpty)
      }
    }
  }

  @Test @EventLoop func `a product counts its licenses`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let policy = try await fixture.policy(of: product)
      let client = try fixture.client
      let options = fixture.options
      let request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      let made = (0..<20).map { _ in
        EventLoop.spawn { try? await client.createLicense(request, options) }
      }
      for task in made { #expect(await task.value != nil) }
      let got = try await client.getProduct(GetProductRequest(id: product.id), options)
      #expect(got.licensesCount == 20)
    }
  }
}
