import Changes
import Cryptography
import EventLoop
import Faults
import LatchkeyOffline
import LicensesService
import Messages
import Postgres
import Primitives
import RPC
import SigningService
import Stubs
import TestKit

extension LicensesFixture {
  /// Runs `body` with a signing service, on a database of its own, that the licenses service has files signed by.
  static func withSigning(
    _ body: @EventLoop (LicensesFixture, TestDatabase) async throws -> Void
  ) async throws {
    let changes = TestDatabase.Schema(Changes.schemaName, Changes.migrations)
    let schema = TestDatabase.Schema("signing", Signing.migrations)
    try await TestDatabase.with(changes, schema) { test in
      let signing = Signing(
        database: test.open(as: "latchkey_signing"),
        masterKeys: .random()
      )
      try await ServedRPC.with("signing", register: { signing.register(on: $0) }) { rpc in
        try await with(signing: rpc.channel(as: "licenses")) { try await body($0, test) }
      }
    }
  }

  /// Checks a license out as the vendor.
  @discardableResult
  func checkOut(
    _ license: License,
    _ fingerprint: String = "machine-1",
    ttl: Int32? = nil,
    _ options: CallOptions? = nil
  ) async throws -> CheckedOutLicense {
    try await client.checkOutLicense(
      CheckOutLicenseRequest(id: license.id, fingerprint: fingerprint, ttl: ttl),
      options ?? self.options
    )
  }

  /// The receipt by which a machine without a network gives up a file, as `latchkey-verify release` makes it.
  ///
  /// The file itself is made here: its signature plays no part.
  func receipt(
    of license: License,
    serial: Int64,
    fingerprint: String = "machine-1",
    key: String? = nil
  ) throws -> String {
    let secret = try FileSecret(licenseKey: key ?? license.key ?? "")
    let signer = Ed25519PrivateKey.generate()
    guard let licenseID = UUID(license.id), let product = UUID(license.productId) else {
      throw Fault(.internalError, "A license has ids")
    }
    let header = LicenseFileHeader(
      keyID: signer.publicKey.id,
      accountID: tenant.accountID,
      environment: tenant.environment,
      serial: serial,
      licenseID: licenseID,
      productID: product,
      fingerprint: fingerprint,
      entitlements: [],
      maxMachines: nil,
      licenseExpiresAt: nil,
      issuedAt: clock.now,
      notBefore: clock.now,
      expiresAt: clock.now + .seconds(3_600),
      ttlSeconds: 3_600
    )
    let payload = try LicenseFilePayload(license: Array("{}".utf8), policy: Array("{}".utf8))
    let unsigned = try LicenseFile.unsigned(header, payload: payload, sealedBy: secret)
    let text = unsigned.signed(by: signer.sign(unsigned.bytesToSign)).text
    return try DeactivationReceipt.make(
      for: LicenseFile(parsing: Array(text.utf8)),
      provedBy: secret,
      fingerprint: fingerprint,
      at: clock.now
    ).text
  }

  /// What the signing service has yet to be told: `barred`, `clear`, `machine` or `file`, oldest first.
  func notices() async throws -> [String] {
    let rows = try await test.open().read(
      """
      select case when is_barred then 'barred' when not is_barred then 'clear'
        when serial is null then 'machine' else 'file' end
      from licenses.file_notices order by id
      """
    )
    return try rows.map { try $0.value(0) as String }
  }
}
