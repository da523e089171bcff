internal import Faults
internal import HTTP
internal import Messages
internal import Protobuf

extension Fault {
  /// The trailers that carry the fault: status, message, and our details for callers that know them.
  func trailers(adding others: Metadata) -> Metadata {
    var fields = Metadata()
    fields.append("grpc-status", String(code.rawValue))
    if !message.isEmpty { fields.append("grpc-message", StatusMessage.encode(message)) }
    if reason != nil || !issues.isEmpty || !facts.isEmpty {
      var bytes: [UInt8] = []
      FaultDetails(self).encode(appendingTo: &bytes)
      fields.append(binary: "latchkey-fault-bin", bytes)
    }
    fields.append(contentsOf: others)
    return fields
  }

  /// The fault that trailers carry; nil when they say that the call went well.
  ///
  /// Trailers without a status are a fault of their own, as the server has then not kept to the protocol.
  init?(trailers: Metadata) {
    if trailers.has("grpc-status", "0") { return nil }
    guard let text = trailers["grpc-status"] else {
      self = Fault(.unknown, "The server sent no status", detail: "no grpc-status")
      return
    }
    guard let number = Int32(text), number > 0 else {
      self = Fault(.unknown, "The server sent a status that is no number")
      return
    }
    let message = trailers.bytes(of: "grpc-message").map { StatusMessage.decode($0) } ?? ""
    self = Fault(Code(rawValue: number) ?? .unknown, message)
    guard let bytes = trailers.binary("latchkey-fault-bin") else { return }
    // Details that cannot be read leave the status, which is what decides.
    let details = bytes.withUnsafeBufferPointer { buffer in
      try? FaultDetails(decoding: UnsafeRawBufferPointer(buffer))
    }
    guard let details else { return }
    reason = details.reason.flatMap { Reason(rawValue: $0) }
    issues = details.issues.map { Issue(path: $0.path, message: $0.message, code: $0.code) }
    facts = details.facts.map { Fact($0.name, $0.value) }
  }

  /// The fault for an HTTP status without a gRPC status: what something between us and the server answered.
  ///
  /// Source: gRPC, `doc/http-grpc-status-mapping.md`.
  init(httpStatus status: Int) {
    let code: Code =
      switch status {
      case 400: .internalError
      case 401: .unauthenticated
      case 403: .permissionDenied
      case 404: .unimplemented
      case 429, 502, 503, 504: .unavailable
      default: .unknown
      }
    self = Fault(code, "The server answered with HTTP status \(status)")
  }

  /// The fault for a stream that was reset.
  ///
  /// Source: gRPC, `doc/PROTOCOL-HTTP2.md`, "Errors".
  init(resetCode: UInt32) {
    switch resetCode {
    case 0x7: self = .unavailable("The server refused the call before it began")
    case 0x8: self = Fault(.cancelled, "The call was cancelled")
    case 0xb: self = Fault(.resourceExhausted, "The server asks for fewer calls")
    case 0xc: self = Fault(.permissionDenied, "The connection is not secure enough")
    default:
      self = .internalError("the stream was reset with HTTP/2 error \(resetCode)")
    }
  }
}

extension FaultDetails {
  fileprivate init(_ fault: Fault) {
    self.init()
    reason = fault.reason?.rawValue
    issues = fault.issues.map { issue in
      Issue(path: issue.path, message: issue.message, code: issue.code)
    }
    facts = fault.facts.map { Fact(name: $0.name, value: $0.value) }
  }
}
