public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Signing {
  /// Lists the files that were made of a license, newest first; expired and revoked ones included.
  public func listFiles(_ request: ListFilesRequest, _ call: Call) async throws(Fault)
    -> LicenseFiles
  {
    let tenant = try Tenant(request.accountId, request.environment)
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let rows = try await files.list(
      tenant,
      license: try UUID(checked: request.licenseId),
      below: page.below,
      rows: page.rows
    )
    let (data, pagination) = page.cut(rows.map(\.message)) { $0.id }
    return LicenseFiles(data: data, pagination: pagination)
  }
}
