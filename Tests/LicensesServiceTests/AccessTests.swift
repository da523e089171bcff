import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

private let id = UUID.v7().description

/// One method, and the scope it needs.
struct AccessRow: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var scope: String?
  var ask: @EventLoop @Sendable (LicensesClient, CallOptions) async throws -> Void
}

private let rows = [
  AccessRow(testDescription: "ValidateKey") {
    _ = try await $0.validateKey(ValidateKeyRequest(key: "k"), $1)
  },
  AccessRow(testDescription: "ReportLeakedLicenseKey") {
    _ = try await $0.reportLeakedLicenseKey(LeakReport(secret: "k"), $1)
  },
  AccessRow(testDescription: "CreateLicense", scope: "licenses:write") {
    _ = try await $0.createLicense(CreateLicenseRequest(productId: id, policyId: id), $1)
  },
  AccessRow(testDescription: "ListLicenses", scope: "licenses:read") {
    _ = try await $0.listLicenses(ListLicensesRequest(), $1)
  },
  AccessRow(testDescription: "GetLicense", scope: "licenses:read") {
    _ = try await $0.getLicense(GetLicenseRequest(id: id), $1)
  },
  AccessRow(testDescription: "UpdateLicense", scope: "licenses:write") {
    _ = try await $0.updateLicense(UpdateLicenseRequest(id: id), $1)
  },
  AccessRow(testDescription: "DeleteLicense", scope: "licenses:write") {
    _ = try await $0.deleteLicense(DeleteLicenseRequest(id: id), $1)
  },
  AccessRow(testDescription: "RevealLicenseKey", scope: "licenses:reveal") {
    _ = try await $0.revealLicenseKey(RevealLicenseKeyRequest(id: id), $1)
  },
  AccessRow(testDescription: "SuspendLicense", scope: "licenses:write") {
    _ = try await $0.suspendLicense(LicenseActionRequest(id: id), $1)
  },
  AccessRow(testDescription: "ReinstateLicense", scope: "licenses:write") {
    _ = try await $0.reinstateLicense(LicenseExtensionRequest(id: id), $1)
  },
  AccessRow(testDescription: "RevokeLicense", scope: "licenses:write") {
    _ = try await $0.revokeLicense(LicenseActionRequest(id: id), $1)
  },
  AccessRow(testDescription: "RenewLicense", scope: "licenses:write") {
    _ = try await $0.renewLicense(LicenseExtensionRequest(id: id), $1)
  },
  AccessRow(testDescription: "BanLicense", scope: "licenses:write") {
    _ = try await $0.banLicense(LicenseActionRequest(id: id), $1)
  },
  AccessRow(testDescription: "CheckOutLicense", scope: "licenses:write") {
    _ = try await $0.checkOutLicense(
      CheckOutLicenseRequest(id: id, fingerprint: "machine-1"),
      $1
    )
  },
  AccessRow(testDescription: "RequestLicenseFile", scope: "licenses:write") {
    _ = try await $0.requestLicenseFile(RequestLicenseFileRequest(request: "x"), $1)
  },
  AccessRow(testDescription: "ReleaseLicenseFile", scope: "licenses:write") {
    _ = try await $0.releaseLicenseFile(ReleaseLicenseFileRequest(receipt: "x"), $1)
  },
  AccessRow(testDescription: "ListLicenseFiles", scope: "licenses:read") {
    _ = try await $0.listLicenseFiles(ListLicenseFilesRequest(id: id), $1)
  },
  AccessRow(testDescription: "RevokeLicenseFiles", scope: "licenses:write") {
    _ = try await $0.revokeLicenseFiles(RevokeLicenseFilesRequest(id: id), $1)
  },
  AccessRow(testDescription: "CreateLicenses", scope: "licenses:write") {
    let request = CreateLicenseRequest(productId: id, policyId: id)
    _ = try await $0.createLicenses(CreateLicensesRequest(licenses: [request]), $1)
  },
  AccessRow(testDescription: "ImportLicenses", scope: "licenses:write") {
    let call = try await $0.importLicenses($1)
    call.finishSending()
    _ = try await call.next()
  },
  AccessRow(testDescription: "ExportLicenses", scope: "licenses:read") {
    _ = try await $0.exportLicenses(ExportLicensesRequest(), $1).next()
  },
  AccessRow(testDescription: "GetAnalytics", scope: "analytics:read") {
    _ = try await $0.getAnalytics(GetAnalyticsRequest(), $1)
  },
  AccessRow(testDescription: "GetLicenseByKey", scope: "licenses:read") {
    _ = try await $0.getLicenseByKey(GetLicenseByKeyRequest(key: "k"), $1)
  },
  AccessRow(testDescription: "CreateProduct", scope: "products:write") {
    _ = try await $0.createProduct(CreateProductRequest(name: "n", code: "c"), $1)
  },
  AccessRow(testDescription: "ListProducts", scope: "products:read") {
    _ = try await $0.listProducts(ListProductsRequest(), $1)
  },
  AccessRow(testDescription: "GetProduct", scope: "products:read") {
    _ = try await $0.getProduct(GetProductRequest(id: id), $1)
  },
  AccessRow(testDescription: "UpdateProduct", scope: "products:write") {
    _ = try await $0.updateProduct(UpdateProductRequest(id: id), $1)
  },
  AccessRow(testDescription: "DeleteProduct", scope: "products:write") {
    _ = try await $0.deleteProduct(DeleteProductRequest(id: id), $1)
  },
  AccessRow(testDescription: "UpdatePolicy", scope: "policies:write") {
    _ = try await $0.updatePolicy(UpdatePolicyRequest(id: id), $1)
  },
  AccessRow(testDescription: "DeletePolicy", scope: "policies:write") {
    _ = try await $0.deletePolicy(DeletePolicyRequest(id: id), $1)
  },
  AccessRow(testDescription: "AttachPolicyEntitlements", scope: "policies:write") {
    _ = try await $0.attachPolicyEntitlements(
      AttachmentRequest(id: id, entitlementCodes: ["c"]),
      $1
    )
  },
  AccessRow(testDescription: "DetachPolicyEntitlements", scope: "policies:write") {
    _ = try await $0.detachPolicyEntitlements(
      AttachmentRequest(id: id, entitlementCodes: ["c"]),
      $1
    )
  },
  AccessRow(testDescription: "AttachLicenseEntitlements", scope: "licenses:write") {
    _ = try await $0.attachLicenseEntitlements(
      AttachmentRequest(id: id, entitlementCodes: ["c"]),
      $1
    )
  },
  AccessRow(testDescription: "DetachLicenseEntitlements", scope: "licenses:write") {
    _ = try await $0.detachLicenseEntitlements(
      AttachmentRequest(id: id, entitlementCodes: ["c"]),
      $1
    )
  },
  AccessRow(testDescription: "CreateEntitlement", scope: "entitlements:write") {
    _ = try await $0.createEntitlement(CreateEntitlementRequest(code: "c", name: "n"), $1)
  },
  AccessRow(testDescription: "ListEntitlements", scope: "entitlements:read") {
    _ = try await $0.listEntitlements(ListEntitlementsRequest(), $1)
  },
  AccessRow(testDescription: "GetEntitlement", scope: "entitlements:read") {
    _ = try await $0.getEntitlement(GetEntitlementRequest(id: id), $1)
  },
  AccessRow(testDescription: "UpdateEntitlement", scope: "entitlements:write") {
    _ = try await $0.updateEntitlement(UpdateEntitlementRequest(id: id), $1)
  },
  AccessRow(testDescription: "DeleteEntitlement", scope: "entitlements:write") {
    _ = try await $0.deleteEntitlement(DeleteEntitlementRequest(id: id), $1)
  },
  AccessRow(testDescription: "CreateCustomer", scope: "licenses:write") {
    _ = try await $0.createCustomer(CreateCustomerRequest(email: "a@b.example"), $1)
  },
  AccessRow(testDescription: "ListCustomers", scope: "licenses:read") {
    _ = try await $0.listCustomers(ListCustomersRequest(), $1)
  },
  AccessRow(testDescription: "GetCustomer", scope: "licenses:read") {
    _ = try await $0.getCustomer(GetCustomerRequest(id: id), $1)
  },
  AccessRow(testDescription: "UpdateCustomer", scope: "licenses:write") {
    _ = try await $0.updateCustomer(UpdateCustomerRequest(id: id), $1)
  },
  AccessRow(testDescription: "DeleteCustomer", scope: "licenses:write") {
    _ = try await $0.deleteCustomer(DeleteCustomerRequest(id: id), $1)
  },
  AccessRow(testDescription: "ListAuditEvents", scope: "audit:read") {
    _ = try await $0.listAuditEvents(ListAuditEventsRequest(), $1)
  },
  AccessRow(testDescription: "CreatePolicy", scope: "policies:write") {
    _ = try await $0.createPolicy(
      CreatePolicyRequest(productId: id, name: "n", maxMachines: 1),
      $1
    )
  },
  AccessRow(testDescription: "ListPolicies", scope: "policies:read") {
    _ = try await $0.listPolicies(ListPoliciesRequest(), $1)
  },
  AccessRow(testDescription: "GetPolicy", scope: "policies:read") {
    _ = try await $0.getPolicy(GetPolicyRequest(id: id), $1)
  },
]

/// Who may call what: the table of identities and methods, and of scopes.
@Suite(.onLoop) struct AccessTests {
  @Test(arguments: rows) @EventLoop func `only the gateway may call`(row: AccessRow) async throws {
    try await LicensesFixture.with { fixture in
      for identity in ["gateway", "operator", "keys", "licenses"] {
        let client = LicensesClient(try fixture.rpc.channel(as: identity))
        let code = await code { try await row.ask(client, fixture.options) }
        #expect((code == .permissionDenied) == (identity != "gateway"), "\(identity)")
      }
    }
  }

  @Test(arguments: rows.filter { $0.scope != nil })
  @EventLoop func `a caller without the scope is refused`(row: AccessRow) async throws {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let scope = try #require(row.scope)
      let others = rows.compactMap(\.scope).filter { $0 != scope }
      let refused = await code { try await row.ask(client, fixture.options(scopes: others)) }
      #expect(refused == .permissionDenied)
      let anonymous = await code { try await row.ask(client, CallOptions()) }
      #expect(anonymous == .permissionDenied)
      let admitted = await code { try await row.ask(client, fixture.options(scopes: [scope])) }
      #expect(admitted != .permissionDenied)
    }
  }

  @EventLoop private func code(_ body: @EventLoop () async throws -> Void) async -> Fault.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? Fault)?.code ?? .unknown
    }
  }
}
