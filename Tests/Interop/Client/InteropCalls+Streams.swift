internal import EventLoop
internal import Faults
internal import RPC
internal import TestMessages
internal import TestStubs

/// The cases in which one side or both send a stream.
extension InteropCalls {
  func clientStreaming() async throws(Mismatch) {
    let total = try await succeeding { () async throws(Fault) in
      let call = try await service.streamingInputCall(options)
      for size in [27_182, 8, 1_828, 45_904] {
        try await call.send(StreamingInputCallRequest(payload: zeros(size)))
      }
      call.finishSending()
      return try await call.next()?.aggregatedPayloadSize
    }
    try expect("the aggregated size", total, 74_922)
  }

  func serverStreaming() async throws(Mismatch) {
    let sizes: [Int32] = [31_415, 9, 2_653, 58_979]
    let request = StreamingOutputCallRequest(
      responseParameters: sizes.map { ResponseParameters(size: $0) }
    )
    let got = try await succeeding { () async throws(Fault) in
      let call = try await service.streamingOutputCall(request, options)
      var got: [Payload?] = []
      while let answer = try await call.next() { got.append(answer.payload) }
      return got
    }
    try expect("the payloads", got, sizes.map { zeros(Int($0)) })
  }

  func pingPong() async throws(Mismatch) {
    let call = try await succeeding { () async throws(Fault) in
      try await service.fullDuplexCall(options)
    }
    for (size, payload) in [(31_415, 27_182), (9, 8), (2_653, 1_828), (58_979, 45_904)] {
      let answer = try await succeeding { () async throws(Fault) in
        try await call.send(output(size, payload))
        return try await call.next()
      }
      try expect("the payload", answer?.payload, zeros(size))
    }
    call.finishSending()
    let more = try await succeeding { () async throws(Fault) in try await call.next() }
    try expect("what follows the last answer", more, nil)
  }

  func emptyStream() async throws(Mismatch) {
    let answer = try await succeeding { () async throws(Fault) in
      let call = try await service.fullDuplexCall(options)
      call.finishSending()
      return try await call.next()
    }
    try expect("the answer", answer, nil)
  }

  func cancelAfterBegin() async throws(Mismatch) {
    try await failing(.cancelled) { () async throws(Fault) in
      let call = try await service.streamingInputCall(options)
      call.cancel()
      return try await call.next()
    }
  }

  func cancelAfterFirstResponse() async throws(Mismatch) {
    let call = try await succeeding { () async throws(Fault) in
      try await service.fullDuplexCall(options)
    }
    let first = try await succeeding { () async throws(Fault) in
      try await call.send(output(31_415, 27_182))
      return try await call.next()
    }
    try expect("the first payload", first?.payload, zeros(31_415))
    call.cancel()
    try await failing(.cancelled) { () async throws(Fault) in try await call.next() }
  }

  func timeoutOnSleepingServer() async throws(Mismatch) {
    try await failing(.deadlineExceeded) { () async throws(Fault) in
      let call = try await service.fullDuplexCall(CallOptions(timeout: .milliseconds(1)))
      try await call.send(output(31_415, 27_182))
      // The server may answer before a millisecond has passed, but it never ends the call.
      while try await call.next() != nil {}
    }
  }

  private func output(_ size: Int, _ payload: Int) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest(
      responseParameters: [ResponseParameters(size: Int32(size))],
      payload: zeros(payload)
    )
  }
}
