public import Faults
public import Messages
public import RPC

extension Keys {
  /// Lists the account's response-signing keys, newest first, without their secrets: at most one in each state.
  public func listResponseSigningKeys(
    _ request: ListResponseSigningKeysRequest,
    _ call: Call
  ) async throws(Fault) -> ListResponseSigningKeysResponse {
    let records = try await responseSigningKeys.list(try call.requireTenant())
    return ListResponseSigningKeysResponse(data: records.map { $0.message() })
  }
}
