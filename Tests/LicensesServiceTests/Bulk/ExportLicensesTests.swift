import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@testable import LicensesService

@Suite(.onLoop) struct ExportLicensesTests {
  /// The rows of an export, without its first.
  @EventLoop
  private func export(
    _ fixture: LicensesFixture,
    _ request: ExportLicensesRequest = ExportLicensesRequest(),
    _ options: CallOptions? = nil
  ) async throws -> [[String]] {
    let call = try await fixture.client.exportLicenses(request, options ?? fixture.options)
    var reader = CSVReader()
    var rows: [[String]] = []
    while let part = try await call.next() {
      reader.append(part.data ?? [])
      while let row = try reader.next() {
        rows.append(row.cells.map { String(decoding: $0, as: UTF8.self) })
      }
    }
    #expect(try reader.finish() == nil)
    #expect(rows.first == License.exportColumns)
    return Array(rows.dropFirst())
  }

  @Test @EventLoop func `an export shows all of a license but its key`() async throws {
    try await LicensesFixture.with { fixture in
      #expect(try await export(fixture) == [])
      let made = try await fixture.license({
        $0.name = "=HYPERLINK(\"x\"),\nsecond line"
        $0.userEmail = "pat@studio.example"
        $0.userName = "Pat \"P\" Moreau"
        $0.expiresAt = 4_000_000_000_000
        $0.maxMachinesOverride = 3
        $0.metadata = Array(#"{"order": "A, 1"}"#.utf8)
      })
      let row = try #require(try await export(fixture).first)
      #expect(
        row == [
          made.id, made.productId, made.policyId, "'=HYPERLINK(\"x\"),\nsecond line", "active",
          "pat@studio.example", "Pat \"P\" Moreau", "2096-10-02T07:06:40.000Z", "3", "", "0", "0",
          "", "", "", "", fixture.clock.now.iso8601, fixture.clock.now.iso8601,
          #"{"order": "A, 1"}"#,
        ]
      )
      let key = try #require(made.key)
      #expect(!row.joined().contains(key))
      for stranger in fixture.strangers {
        #expect(
          try await export(fixture, ExportLicensesRequest(), fixture.options(stranger)) == []
        )
      }
    }
  }

  @Test @EventLoop func `an export of many pages is whole, newest first, and is filtered`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let (other, otherPolicy) = try await fixture.catalogue()
      let requests = (0..<700).map { number in
        let isOther = number % 7 == 0
        return CreateLicenseRequest(
          productId: isOther ? other.id : product.id,
          policyId: isOther ? otherPolicy.id : policy.id,
          name: String(number),
          metadata: Array("{\"text\": \"\(String(repeating: "x", count: 1_000))\"}".utf8)
        )
      }
      _ = try await fixture.client.createLicenses(
        CreateLicensesRequest(licenses: requests),
        fixture.options
      )
      let all = try await export(fixture)
      #expect(all.map { $0[3] } == (0..<700).reversed().map(String.init))
      let some = try await export(fixture, ExportLicensesRequest(productId: other.id))
      #expect(some.count == 100)
      let none = try await export(fixture, ExportLicensesRequest(status: .banned))
      #expect(none == [])
      let call = try await fixture.client.exportLicenses(
        ExportLicensesRequest(metadataKey: "a"),
        fixture.options
      )
      let fault = try await fault { try await call.next() }
      #expect(fault.issues.map(\.path) == [["metadataValue"]])
    }
  }

  /// A reader that does not read holds the writer up, and the rest comes when it goes on.
  @Test @EventLoop func `an export waits for whoever reads it`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let metadata = Array("{\"text\": \"\(String(repeating: "x", count: 60_000))\"}".utf8)
      for _ in 0..<3 {
        _ = try await fixture.client.createLicenses(
          CreateLicensesRequest(
            licenses: Array(
              repeating: CreateLicenseRequest(
                productId: product.id,
                policyId: policy.id,
                metadata: metadata
              ),
              count: 30
            )
          ),
          fixture.options
        )
      }
      let call = try await fixture.client.exportLicenses(
        ExportLicensesRequest(),
        fixture.options
      )
      _ = await call.initialMetadata()
      // Calls beside it go on while it is held up.
      for _ in 0..<5 {
        _ = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      }
      var bytes = 0
      while let part = try await call.next() { bytes += part.data?.count ?? 0 }
      #expect(bytes > 90 * 60_000)
    }
  }
}
