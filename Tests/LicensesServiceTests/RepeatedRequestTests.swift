import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

/// Requests with an Idempotency-Key, through the service itself.
@Suite(.onLoop) struct RepeatedRequestTests {
  @Test @EventLoop func `a product is made once, and a change is made once`() async throws {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      var options = fixture.options
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      let request = CreateProductRequest(name: "n", code: "a")
      let made = try await client.createProduct(request, options)
      #expect(try await client.createProduct(request, options) == made)
      options.caller?.requestHash = [UInt8](repeating: 3, count: 32)
      let other = options
      let fault = try await fault {
        try await client.createProduct(CreateProductRequest(name: "n", code: "b"), other)
      }
      #expect(fault.reason == .conflict)
      #expect(try await fixture.audited(made.id).count == 1)
    }
  }
}
