internal import EventLoop
internal import Faults
internal import HTTP
internal import RPC
internal import TestMessages
internal import TestStubs

/// The service of gRPC's interoperability tests.
///
/// Source: gRPC, `doc/interop-test-descriptions.md`, "Server".
@EventLoop
final class TestService: TestServiceService {
  /// The largest payload that the published cases ask for is 314,159 bytes.
  private static let payloadBytesMax: Int32 = 4 << 20

  nonisolated init() {}

  func emptyCall(_ request: Empty, _ call: Call) async throws(Fault) -> Empty {
    echoMetadata(of: call)
    return Empty()
  }

  func unaryCall(
    _ request: SimpleRequest,
    _ call: Call
  ) async throws(Fault) -> SimpleResponse {
    echoMetadata(of: call)
    try check(request.responseStatus)
    return SimpleResponse(payload: try payload(request.responseSize))
  }

  func cacheableUnaryCall(
    _ request: SimpleRequest,
    _ call: Call
  ) async throws(Fault) -> SimpleResponse {
    try await unaryCall(request, call)
  }

  func streamingOutputCall(
    _ request: StreamingOutputCallRequest,
    _ responses: ResponseWriter<StreamingOutputCallResponse>,
    _ call: Call
  ) async throws(Fault) {
    echoMetadata(of: call)
    try await answer(request, responses)
  }

  func streamingInputCall(
    _ requests: RequestReader<StreamingInputCallRequest>,
    _ call: Call
  ) async throws(Fault) -> StreamingInputCallResponse {
    echoMetadata(of: call)
    var total = 0
    while let request = try await requests.next() { total += request.payload?.body.count ?? 0 }
    return StreamingInputCallResponse(aggregatedPayloadSize: Int32(clamping: total))
  }

  func fullDuplexCall(
    _ requests: RequestReader<StreamingOutputCallRequest>,
    _ responses: ResponseWriter<StreamingOutputCallResponse>,
    _ call: Call
  ) async throws(Fault) {
    echoMetadata(of: call)
    while let request = try await requests.next() { try await answer(request, responses) }
  }

  func halfDuplexCall(
    _ requests: RequestReader<StreamingOutputCallRequest>,
    _ responses: ResponseWriter<StreamingOutputCallResponse>,
    _ call: Call
  ) async throws(Fault) {
    echoMetadata(of: call)
    var all: [StreamingOutputCallRequest] = []
    while let request = try await requests.next() { all.append(request) }
    for request in all { try await answer(request, responses) }
  }

  func unimplementedCall(_ request: Empty, _ call: Call) async throws(Fault) -> Empty {
    throw Fault(.unimplemented, "This method is never implemented")
  }

  // MARK: What the calls have in common

  private func answer(
    _ request: StreamingOutputCallRequest,
    _ responses: ResponseWriter<StreamingOutputCallResponse>
  ) async throws(Fault) {
    try check(request.responseStatus)
    for parameters in request.responseParameters {
      if parameters.intervalUs > 0 {
        await EventLoop.sleep(for: .microseconds(Int64(parameters.intervalUs)))
      }
      try await responses.write(
        StreamingOutputCallResponse(payload: try payload(parameters.size))
      )
    }
  }

  private func payload(_ size: Int32) throws(Fault) -> Payload {
    guard (0...TestService.payloadBytesMax).contains(size) else {
      throw Fault(.invalidArgument, "A payload has 0 to \(TestService.payloadBytesMax) bytes")
    }
    return Payload(body: [UInt8](repeating: 0, count: Int(size)))
  }

  /// Fails the call with the status that the client asked for.
  private func check(_ status: EchoStatus?) throws(Fault) {
    guard let status, status.code != 0 else { return }
    throw Fault(Fault.Code(rawValue: status.code) ?? .unknown, status.message)
  }

  /// Sends the two fields of the case `custom_metadata` back.
  private func echoMetadata(of call: Call) {
    if let value = call.metadata["x-grpc-test-echo-initial"] {
      var fields = Metadata()
      fields.append("x-grpc-test-echo-initial", value)
      call.sendInitialMetadata(fields)
    }
    if let value = call.metadata.binary("x-grpc-test-echo-trailing-bin") {
      call.trailers.append(binary: "x-grpc-test-echo-trailing-bin", value)
    }
  }
}
