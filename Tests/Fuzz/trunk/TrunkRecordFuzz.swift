/// Feeds the readers of a trunk's messages with what libFuzzer thinks of, and checks what must hold for any input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTrunkRecords(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // The first byte says where in the others the message is.
  guard let start, count > 1 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  let first = min(Int(start[0] & 7), bytes.count)
  let range = first..<max(first, bytes.count - Int(start[0] >> 5))
  readCall(bytes, range)
  readReply(bytes, range)
  return 0
}

private func check(_ condition: Bool, _ message: StaticString) {
  precondition(condition, "\(message)")
}

private func contents(_ bytes: UnsafeRawBufferPointer, _ part: Range<Int>) -> [UInt8] {
  Array(bytes[part])
}

/// A call that was read and is written again is the same call.
private func readCall(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
  guard let record = TrunkCallRecord(bytes, range) else { return }
  check(record.id > 0, "a call without an id")
  let parts = [
    record.path, record.requestID, record.request, record.caller ?? 0..<0,
    record.traceParent ?? 0..<0, record.traceState,
  ]
  for part in parts {
    check(
      part.isEmpty || (part.lowerBound > range.lowerBound && part.upperBound <= range.upperBound),
      "a part lies outside of the message"
    )
  }
  let caller = record.caller.map { contents(bytes, $0) }
  var written: [UInt8] = []
  if record.isCancellation {
    TrunkCallRecord.appendCancellation(of: record.id, to: &written)
  } else {
    TrunkCallRecord.append(
      id: record.id,
      path: String(decoding: bytes[record.path], as: UTF8.self),
      milliseconds: record.milliseconds ?? 0,
      caller: caller,
      requestID: String(decoding: bytes[record.requestID], as: UTF8.self),
      to: &written
    ) { $0 += contents(bytes, record.request) }
    if let parent = record.traceParent {
      TrunkCallRecord.append(
        traceParent: { $0 += contents(bytes, parent) },
        state: contents(bytes, record.traceState),
        to: &written
      )
    }
  }
  written.withUnsafeBytes { again in
    guard let copy = TrunkCallRecord(again, 0..<again.count) else {
      return check(false, "what was written cannot be read")
    }
    check(copy.id == record.id && copy.isCancellation == record.isCancellation, "another call")
    guard !record.isCancellation else { return }
    check(copy.milliseconds == record.milliseconds ?? 0, "another time")
    check(copy.caller.map { contents(again, $0) } == caller, "another caller")
    check(
      copy.traceParent.map { contents(again, $0) }
        == record.traceParent.map { contents(bytes, $0) },
      "another trace"
    )
    check(contents(again, copy.request) == contents(bytes, record.request), "another request")
  }
}

/// A reply that was read and is written again is the same reply.
private func readReply(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
  var trailers: [[UInt8]] = []
  let read = TrunkReplyRecord(bytes, range) { name, value in
    check(!name.isEmpty, "a trailer without a name")
    trailers.append(Array(name))
    trailers.append(Array(value))
  }
  guard let record = read else { return }
  var written: [UInt8] = []
  TrunkReplyRecord.append(id: record.id, to: &written)
  for index in stride(from: 0, to: trailers.count, by: 2) {
    trailers[index].withUnsafeBytes { name in
      trailers[index + 1].withUnsafeBytes { value in
        TrunkReplyRecord.append(trailer: name, value, to: &written)
      }
    }
  }
  if let response = record.response {
    TrunkReplyRecord.appendResponse(to: &written) { $0 += contents(bytes, response) }
  }
  written.withUnsafeBytes { again in
    var copies: [[UInt8]] = []
    let copy = TrunkReplyRecord(again, 0..<again.count) { name, value in
      copies.append(Array(name))
      copies.append(Array(value))
    }
    check(copy?.id == record.id && copies == trailers, "another reply")
    check(
      copy?.response.map { contents(again, $0) } == record.response.map { contents(bytes, $0) },
      "another answer"
    )
  }
}
