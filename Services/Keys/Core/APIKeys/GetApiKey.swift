public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Shows one API key of the caller's environment, without the key itself.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such key.
  public func getApiKey(_ request: GetApiKeyRequest, _ call: Call) async throws(Fault) -> ApiKey {
    let tenant = try call.requireTenant()
    let record = try await apiKeys.get(tenant, id: try UUID(checked: request.id))
    guard let record else { throw .notFound("API key not found: \(request.id)") }
    return record.message()
  }
}
