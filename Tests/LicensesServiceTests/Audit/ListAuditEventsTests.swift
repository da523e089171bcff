import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ListAuditEventsTests {
  @Test @EventLoop func `changes are listed page by page, newest first`() async throws {
    try await LicensesFixture.with { fixture in
      var ids: [String] = []
      for index in 0..<5 {
        fixture.clock.advance(by: .milliseconds(1))
        ids.insert(try await fixture.product("p\(index)").id, at: 0)
      }
      var seen: [String?] = []
      var cursor: String?
      for count in [2, 2, 1] {
        let page = try await fixture.client.listAuditEvents(
          ListAuditEventsRequest(cursor: cursor, limit: 2),
          fixture.options
        )
        #expect(page.data.count == count)
        seen += page.data.map(\.resourceId)
        cursor = page.pagination.nextCursor
      }
      #expect(seen == ids)
      #expect(cursor == nil)
    }
  }

  @Test @EventLoop func `changes are found by resource, action and actor`() async throws {
    try await LicensesFixture.with { fixture in
      @EventLoop func options(of actor: String) -> CallOptions {
        var options = fixture.options
        options.caller?.actorId = actor
        return options
      }
      let client = try fixture.client
      let product = try await client.createProduct(
        CreateProductRequest(name: "n", code: "a"),
        options(of: "key-1")
      )
      fixture.clock.advance(by: .milliseconds(1))
      _ = try await client.updateProduct(
        UpdateProductRequest(id: product.id, name: "m"),
        options(of: "key-2")
      )
      fixture.clock.advance(by: .milliseconds(1))
      _ = try await client.createProduct(
        CreateProductRequest(name: "n", code: "b"),
        options(of: "key-2")
      )
      @EventLoop func found(_ resource: String?, _ action: String?, _ actor: String?) async throws
        -> [String]
      {
        let request = ListAuditEventsRequest(
          resourceId: resource,
          action: action,
          actorId: actor
        )
        return try await client.listAuditEvents(request, fixture.options).data.map {
          "\($0.action) \($0.actor.id ?? "")"
        }
      }
      let (create1, update2, create2) = (
        "product.create key-1", "product.update key-2", "product.create key-2"
      )
      #expect(try await found(nil, nil, nil) == [create2, update2, create1])
      #expect(try await found(product.id, nil, nil) == [update2, create1])
      #expect(try await found(nil, "product.create", nil) == [create2, create1])
      #expect(try await found(nil, nil, "key-2") == [create2, update2])
      #expect(try await found(product.id, "product.create", nil) == [create1])
      #expect(try await found(nil, "product.create", "key-2") == [create2])
      #expect(try await found(product.id, "product.update", "key-2") == [update2])
      #expect(try await found(product.id, "product.create", "key-2") == [])
      #expect(try await found(UUID.v7().description, nil, nil) == [])
    }
  }

  @Test @EventLoop func `another tenant's changes are not listed`() async throws {
    try await LicensesFixture.with { fixture in
      _ = try await fixture.product()
      for stranger in fixture.strangers {
        let listed = try await fixture.client.listAuditEvents(
          ListAuditEventsRequest(),
          fixture.options(stranger)
        )
        #expect(listed.data.isEmpty)
      }
    }
  }

  @Test @EventLoop func `what is refused leaves no line`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product("a")
      _ = try await fault { try await fixture.product("a") }
      _ = try await fault {
        try await fixture.client.updateProduct(
          UpdateProductRequest(id: product.id, presentNames: ["name"]),
          fixture.options
        )
      }
      let listed = try await fixture.client.listAuditEvents(
        ListAuditEventsRequest(),
        fixture.options
      )
      #expect(listed.data.map(\.action) == ["product.create"])
    }
  }

  @Test(arguments: [
    (ListAuditEventsRequest(resourceId: "x"), "resourceId"),
    (ListAuditEventsRequest(action: ""), "action"),
    (ListAuditEventsRequest(action: String(repeating: "a", count: 65)), "action"),
    (ListAuditEventsRequest(actorId: ""), "actorId"),
    (ListAuditEventsRequest(limit: 101), "limit"),
    (ListAuditEventsRequest(cursor: "x"), "cursor"),
  ])
  @EventLoop func `a bad filter is named`(request: ListAuditEventsRequest, path: String)
    async throws
  {
    try await LicensesFixture.with { fixture in
      let fault = try await fault {
        try await fixture.client.listAuditEvents(request, fixture.options)
      }
      #expect(fault.issues.map(\.path) == [[path]])
    }
  }
}
