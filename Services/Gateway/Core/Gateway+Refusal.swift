internal import Faults
public import HTTP
internal import Primitives

extension Gateway {
  /// Answers what is no proper request in the envelope that every other error has.
  ///
  /// Source: the API contract, section 4.1.
  public func refusal(status: Int, message: String, to origin: RequestOrigin) -> (
    fields: HeaderFields, body: [UInt8]
  ) {
    let reason: Fault.Reason =
      switch status {
      case 413, 414: .payloadTooLarge
      case 431: .headersTooLarge
      case 500: .internalError
      case 503: .serviceUnavailable
      default: .validationError
      }
    let requestID = RequestID().description
    let fault = Fault(.invalidArgument, message, reason: reason)
    var fields = HeaderFields([
      "x-request-id": requestID, "cache-control": "no-store", "content-type": "application/json",
    ])
    if let transportSecurity { fields.append("strict-transport-security", transportSecurity) }
    Answer.appendProtection(to: &fields)
    // What a proxy passes on from many counts against none of them.
    if let limiter = rateLimiter, !proxies.contains(origin.address) {
      Answer.append(limiter.countUncredited(from: origin.address), to: &fields)
    }
    return (fields, ErrorEnvelope.body(fault, requestID: requestID))
  }
}
