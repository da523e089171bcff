internal import Changes
public import Faults
public import Messages
internal import Protobuf
public import RPC

extension Licenses {
  /// Issues up to 1,000 licenses, all or none.
  ///
  /// The answer, in the order of the request, is the only one that shows their keys. Under an `Idempotency-Key` the same
  /// request shows those again that are stored.
  ///
  /// - Throws: ``Fault`` as ``createLicense(_:_:)``, with the place in the list; `PAYLOAD_TOO_LARGE` when the
  ///   answer would not fit into a message, before anything is kept.
  public func createLicenses(_ request: CreateLicensesRequest, _ call: Call) async throws(Fault)
    -> CreateLicensesResponse
  {
    let kept = KeptAnswer<CreateLicensesResponse>(
      without: { for index in $0.data.indices { $0.data[index].key = nil } },
      restoredBy: { (answer, change) async throws(Fault) in
        try await self.showKeys(of: &answer.data, change)
      }
    )
    return try await issue(request.licenses, call, inList: "licenses", keeping: kept) {
      (issued) throws(Fault) in
      let response = CreateLicensesResponse(data: issued)
      var bytes: [UInt8] = []
      response.encode(appendingTo: &bytes)
      guard bytes.count <= RPCServer.messageBytesMax else {
        throw Fault(
          .resourceExhausted,
          "The answer would be larger than \(RPCServer.messageBytesMax) bytes; ask for fewer licenses",
          reason: .payloadTooLarge
        )
      }
      return response
    }
  }
}
