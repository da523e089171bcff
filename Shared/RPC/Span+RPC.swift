internal import Faults
internal import Tracing

extension Span {
  /// The call that the span is of is over.
  func end(code: Int32) {
    note("rpc.grpc.status_code", Int(code))
    end(failure: code == 0 ? nil : CallCounts.name(of: code))
  }
}
