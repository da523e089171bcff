public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// How many licenses an export reads at a time: 16 MiB when all have the largest metadata.
  private static let exportPageRows: Int32 = 250
  /// The size from which on a part of an export is sent; a row of at most 140 KiB may be added to it.
  private static let exportPartBytes = 131_072

  /// Exports the tenant's licenses that match all filters as CSV, newest first.
  ///
  /// Read page by page, and written in parts, each when the one before has been taken, so that an export of any
  /// size needs the memory of a page. Each page shows the licenses as they are when it is read.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when `metadataKey` or `metadataValue` is given alone; `cancelled`
  ///   when the caller has gone.
  public func exportLicenses(
    _ request: ExportLicensesRequest,
    _ responses: ResponseWriter<ExportLicensesResponse>,
    _ call: Call
  ) async throws(Fault) {
    let tenant = try call.requireTenant()
    let filter = try LicenseFilter(request)
    var text = CSVText()
    License.writeHeader(to: &text)
    var below = UUID(high: .max, low: .max)
    while true {
      let rows = try await licenses.list(
        tenant,
        filter,
        below: below,
        rows: Self.exportPageRows,
        at: now()
      )
      for license in rows {
        license.write(to: &text)
        guard text.bytes.count >= Self.exportPartBytes else { continue }
        try await responses.write(ExportLicensesResponse(data: text.bytes))
        text = CSVText()
      }
      guard rows.count == Int(Self.exportPageRows), let last = rows.last else { break }
      below = try UUID(checked: last.id)
    }
    try await responses.write(ExportLicensesResponse(data: text.bytes))
  }
}

extension License {
  /// The columns of an export, by the names that the JSON has; never a key.
  static let exportColumns = [
    "id", "productId", "policyId", "name", "status", "userEmail", "userName", "expiresAt",
    "maxMachinesOverride", "maxUsesOverride", "usesCount", "machineCount", "entitlements",
    "suspendedAt", "revokedAt", "bannedAt", "createdAt", "updatedAt", "metadata",
  ]

  fileprivate static func writeHeader(to text: inout CSVText) {
    for column in exportColumns { text.cell(column) }
    text.endRow()
  }

  /// Writes the license as a row.
  fileprivate func write(to text: inout CSVText) {
    func time(_ milliseconds: Int64?) -> String? {
      milliseconds.map { Timestamp(milliseconds: $0).iso8601 }
    }
    text.cell(id)
    text.cell(productId)
    text.cell(policyId)
    text.cell(name)
    text.cell(status.wireName)
    text.cell(userEmail)
    text.cell(userName)
    text.cell(time(expiresAt))
    text.cell(maxMachinesOverride)
    text.cell(maxUsesOverride)
    text.cell(usesCount as Int64?)
    text.cell(machineCount as Int32?)
    text.cell(entitlements.joined(separator: " "))
    text.cell(time(suspendedAt))
    text.cell(time(revokedAt))
    text.cell(time(bannedAt))
    text.cell(time(createdAt))
    text.cell(time(updatedAt))
    text.cell(json: metadata)
    text.endRow()
  }
}
