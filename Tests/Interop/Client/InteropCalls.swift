internal import EventLoop
internal import Faults
internal import HTTP
internal import RPC
internal import TestMessages
internal import TestStubs

/// The cases of one message each way, and what all cases share.
@EventLoop
struct InteropCalls {
  let channel: Channel
  let service: TestServiceClient
  /// Far more than any case takes; a server that hangs fails it.
  let options = CallOptions(timeout: .seconds(10))

  init(_ channel: Channel) {
    self.channel = channel
    service = TestServiceClient(channel)
  }

  func emptyUnary() async throws(Mismatch) {
    let answer = try await succeeding { () async throws(Fault) in
      try await service.emptyCall(Empty(), options)
    }
    try expect("the answer", answer, Empty())
  }

  func largeUnary() async throws(Mismatch) {
    let request = SimpleRequest(responseSize: 314_159, payload: zeros(271_828))
    let answer = try await succeeding { () async throws(Fault) in
      try await service.unaryCall(request, options)
    }
    try expect("the payload", answer.payload, zeros(314_159))
  }

  func customMetadata() async throws(Mismatch) {
    var asked = options
    asked.metadata.append(InteropCalls.echoInitial, InteropCalls.initialValue)
    asked.metadata.append(binary: InteropCalls.echoTrailing, InteropCalls.trailingValue)
    try await echoedByUnary(asked)
    try await echoedByStream(asked)
  }

  func statusCodeAndMessage() async throws(Mismatch) {
    let status = EchoStatus(code: 2, message: "test status message")
    try await refusedByUnary(status)
    try await refusedByStream(status)
  }

  func specialStatusMessage() async throws(Mismatch) {
    try await refusedByUnary(
      EchoStatus(
        code: 2,
        message: "\t\ntest with whitespace\r\nand Unicode BMP \u{263A} and non-BMP \u{1F608}\t\n"
      )
    )
  }

  func unimplementedMethod() async throws(Mismatch) {
    try await failing(.unimplemented) { () async throws(Fault) in
      try await service.unimplementedCall(Empty(), options)
    }
  }

  func unimplementedService() async throws(Mismatch) {
    let other = UnimplementedServiceClient(channel)
    try await failing(.unimplemented) { () async throws(Fault) in
      try await other.unimplementedCall(Empty(), options)
    }
  }

  // MARK: Shared

  static let echoInitial: StaticString = "x-grpc-test-echo-initial"
  static let echoTrailing: StaticString = "x-grpc-test-echo-trailing-bin"
  static let initialValue = "test_initial_metadata_value"
  static let trailingValue: [UInt8] = [0xab, 0xab, 0xab]

  func zeros(_ count: Int) -> Payload { Payload(body: [UInt8](repeating: 0, count: count)) }

  private func refusedByUnary(_ status: EchoStatus) async throws(Mismatch) {
    let fault = try await failing(.unknown) { () async throws(Fault) in
      try await service.unaryCall(SimpleRequest(responseStatus: status), options)
    }
    try expect("the message", fault.message, status.message)
  }

  private func refusedByStream(_ status: EchoStatus) async throws(Mismatch) {
    let fault = try await failing(.unknown) { () async throws(Fault) in
      let call = try await service.fullDuplexCall(options)
      try await call.send(StreamingOutputCallRequest(responseStatus: status))
      call.finishSending()
      return try await call.next()
    }
    try expect("the message", fault.message, status.message)
  }

  private func echoedByUnary(_ asked: CallOptions) async throws(Mismatch) {
    let request = SimpleRequest(responseSize: 314_159, payload: zeros(271_828))
    // As a stream of one message, because that shows the first fields too.
    let call: ClientCall<SimpleRequest, SimpleResponse> = try await succeeding {
      () async throws(Fault) in
      try await channel.stream(TestServiceMethods.unaryCall, asked)
    }
    try await echoed(call, request)
  }

  private func echoedByStream(_ asked: CallOptions) async throws(Mismatch) {
    let request = StreamingOutputCallRequest(
      responseParameters: [ResponseParameters(size: 314_159)],
      payload: zeros(271_828)
    )
    let call = try await succeeding { () async throws(Fault) in
      try await service.fullDuplexCall(asked)
    }
    try await echoed(call, request)
  }

  private func echoed<Request, Response>(
    _ call: ClientCall<Request, Response>,
    _ request: Request
  ) async throws(Mismatch) {
    let answers = try await succeeding { () async throws(Fault) in
      try await call.send(request)
      call.finishSending()
      var count = 0
      while try await call.next() != nil { count += 1 }
      return count
    }
    try expect("the number of answers", answers, 1)
    let initial = await call.initialMetadata()
    try expect(
      "the initial metadata",
      initial["x-grpc-test-echo-initial"],
      InteropCalls.initialValue
    )
    try expect(
      "the trailing metadata",
      call.trailers.binary("x-grpc-test-echo-trailing-bin"),
      InteropCalls.trailingValue
    )
  }
}
