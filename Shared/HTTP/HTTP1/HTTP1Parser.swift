internal import Glibc

/// Reads the requests of an HTTP/1.1 or 1.0 connection, byte by byte or in any pieces, and strictly.
///
/// Pure: bytes in, steps out. Call ``next(_:from:)`` until it needs more, and ``begin()`` after each complete request.
/// Whatever two readers might understand differently is refused. Source: RFC 9112.
struct HTTP1Parser {
  /// What the bytes brought.
  enum Step: Equatable {
    /// All bytes are used up.
    case needsMore
    /// The request's head is in ``head``.
    case head
    /// The fields are more than the limits allow: ``head`` has those before. Nothing more is read.
    case headTooLarge
    /// A piece of the body: a range of the bytes that were given.
    case body(Range<Int>)
    /// The request is complete.
    case end
    /// The request is refused. Nothing more is read.
    case refused(HTTP1Refusal)
  }

  /// How the end of the body is known.
  enum Framing: Equatable {
    case none
    case length(Int)
    case chunked
  }

  private enum Phase {
    case requestLine, fields, sizedBody, chunkSize, chunkData, chunkEnd, trailers, complete, over
  }

  /// The longest request line.
  ///
  /// Source: RFC 9112, section 3 recommends at least 8,000 bytes.
  static let requestLineBytesMax = 8 * 1024
  /// The most fields a head or a trailer part may have; browsers send about twenty.
  static let fieldCountMax = 100
  /// The longest chunk size line; the size itself takes at most 16 of it.
  static let chunkLineBytesMax = 256
  /// What all chunk extensions of a body may take: nobody needs any, and they are not counted as body.
  static let chunkExtensionBytesMax = 4 * 1024
  /// The most hexadecimal digits of a chunk size: 15 cannot overflow 63 bits.
  static let chunkSizeDigitsMax = 15
  /// The most digits of a content length: 18 cannot overflow 63 bits.
  static let contentLengthDigitsMax = 18

  /// The head being read; complete at ``Step/head``.
  private(set) var head = RequestHead()
  /// How the body ends; known at ``Step/head``.
  private(set) var framing = Framing.none
  /// Whether the request says HTTP/1.0, or a minor version after it.
  private(set) var isVersion10 = false
  /// Whether the connection may be used again after this request.
  ///
  /// Source: RFC 9112, section 9.3.
  private(set) var keepsAlive = true
  /// Whether the peer waits for `100 Continue` before it sends the body.
  private(set) var expectsContinue = false

  private let headerBytesMax: Int
  private var phase = Phase.requestLine
  private var facts = HTTP1HeadFacts()
  /// The beginning of a line whose end has not come.
  private var partial: [UInt8] = []
  private var hasSkippedLine = false
  /// Bytes that the fields of this part may still take, and how many there were.
  private var fieldBytesLeft = 0
  private var fieldCount = 0
  private var bodyLeft = 0
  private var extensionBytesLeft = 0

  /// - Parameter headerBytesMax: What the fields of a request may take, with their line ends.
  init(headerBytesMax: Int) {
    self.headerBytesMax = headerBytesMax
  }

  /// Whether a request has begun and its head is not complete.
  var isReadingHead: Bool {
    switch phase {
    case .requestLine: !partial.isEmpty || hasSkippedLine
    case .fields: true
    default: false
    }
  }

  /// Begins the next request of the connection.
  mutating func begin() {
    precondition(phase == .complete, "the request before is not complete")
    phase = .requestLine
    head = RequestHead()
    framing = .none
    isVersion10 = false
    keepsAlive = true
    expectsContinue = false
    hasSkippedLine = false
    facts = HTTP1HeadFacts()
  }

  /// Moves the head out.
  mutating func takeHead() -> RequestHead {
    defer { head = RequestHead() }
    return head
  }

  /// Reads on in `bytes` from `offset`, which is moved behind what was read.
  mutating func next(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) -> Step {
    do throws(HTTP1Refusal) {
      while true {
        if let step = try advance(bytes, &offset) {
          if step == .headTooLarge { phase = .over }
          return step
        }
      }
    } catch {
      phase = .over
      return .refused(error)
    }
  }

  /// Reads one line or one piece of the body; nil when it brought nothing to tell.
  private mutating func advance(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int
  ) throws(HTTP1Refusal) -> Step? {
    switch phase {
    case .requestLine: return try advanceRequestLine(bytes, &offset)
    case .fields: return try advanceFields(bytes, &offset)
    case .sizedBody: return advanceBody(bytes, &offset, then: .complete)
    case .chunkSize: return try advanceChunkSize(bytes, &offset)
    case .chunkData: return advanceBody(bytes, &offset, then: .chunkEnd)
    case .chunkEnd: return try advanceChunkEnd(bytes, &offset)
    case .trailers: return try advanceTrailers(bytes, &offset)
    case .complete: preconditionFailure("begin() was not called after a complete request")
    case .over: preconditionFailure("nothing can be read after a refused request")
    }
  }

  // MARK: Lines

  private enum Line<T> {
    case none
    case tooLong
    case read(T)
  }

  /// Gives the next line, without its CR LF, to `read`.
  ///
  /// A line that lies in `bytes` as a whole is not copied; else its beginning is kept until the rest comes.
  private mutating func line<T>(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int,
    max: Int,
    _ read: (inout HTTP1Parser, UnsafeRawBufferPointer) throws(HTTP1Refusal) -> T
  ) throws(HTTP1Refusal) -> Line<T> {
    let rest = bytes.part(offset..<bytes.count)
    // With its CR a line may have one byte more than `max`.
    guard let end = Self.lineFeed(rest, within: max + 1 - partial.count) else {
      if partial.count + rest.count > max + 1 { return .tooLong }
      partial.append(contentsOf: rest)
      offset = bytes.count
      return .none
    }
    offset += end + 1
    if partial.isEmpty { return .read(try read(&self, try Self.withoutReturn(rest.part(0..<end)))) }
    partial.append(contentsOf: rest.part(0..<end))
    // Moved out meanwhile, so that `read` may change the parser.
    var whole = partial
    partial = []
    defer {
      whole.removeAll(keepingCapacity: true)
      partial = whole
    }
    return .read(
      try whole.withUnsafeBufferPointer { whole throws(HTTP1Refusal) in
        try read(&self, try Self.withoutReturn(UnsafeRawBufferPointer(whole)))
      }
    )
  }

  /// Where the first line feed is, if among the first `max` + 1 bytes.
  private static func lineFeed(_ bytes: UnsafeRawBufferPointer, within max: Int) -> Int? {
    let count = min(bytes.count, max + 1)
    guard count > 0, let base = bytes.baseAddress, let found = memchr(base, 0x0A, count) else {
      return nil
    }
    return UnsafeRawPointer(found) - base
  }

  private static func withoutReturn(
    _ line: UnsafeRawBufferPointer
  ) throws(HTTP1Refusal) -> UnsafeRawBufferPointer {
    guard line.last == 0x0D else { throw .malformed("A line ends without CR LF") }
    return line.part(0..<(line.count - 1))
  }

  // MARK: The head

  private mutating func advanceRequestLine(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int
  ) throws(HTTP1Refusal) -> Step? {
    let read = try line(bytes, &offset, max: Self.requestLineBytesMax) {
      parser,
      line throws(HTTP1Refusal) in try parser.takeRequestLine(line)
    }
    switch read {
    case .none: return .needsMore
    case .tooLong: throw HTTP1Refusal(status: 414, message: "The request line is too long")
    case .read: return nil
    }
  }

  private mutating func takeRequestLine(_ line: UnsafeRawBufferPointer) throws(HTTP1Refusal) {
    if line.isEmpty {
      // One empty line may come before a request: an old client's surplus line end (section 2.2).
      guard !hasSkippedLine else { throw .malformed("The request line is empty") }
      hasSkippedLine = true
      return
    }
    isVersion10 = try HTTP1RequestLine.read(line, into: &head)
    keepsAlive = !isVersion10
    phase = .fields
    fieldBytesLeft = headerBytesMax
    fieldCount = 0
  }

  private mutating func advanceFields(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int
  ) throws(HTTP1Refusal) -> Step? {
    let read = try line(bytes, &offset, max: fieldBytesLeft) {
      parser,
      line throws(HTTP1Refusal) in try parser.takeField(line)
    }
    switch read {
    case .none: return .needsMore
    case .tooLong, .read(.tooMany):
      head.isTooLarge = true
      return .headTooLarge
    case .read(.one): return nil
    case .read(.last):
      try finishHead()
      return .head
    }
  }

  private enum FieldOutcome { case one, last, tooMany }

  private mutating func takeField(
    _ line: UnsafeRawBufferPointer
  ) throws(HTTP1Refusal) -> FieldOutcome {
    if line.isEmpty { return .last }
    guard fieldCount < Self.fieldCountMax, line.count + 2 <= fieldBytesLeft else { return .tooMany }
    fieldCount += 1
    fieldBytesLeft -= line.count + 2
    let field = try HTTP1Field.read(line)
    if try !facts.note(field) { head.fields.append(lowercasing: field.name, value: field.value) }
    return .one
  }

  private mutating func finishHead() throws(HTTP1Refusal) {
    try facts.checkHost(for: &head, isVersion10: isVersion10)
    framing = try facts.framing(isVersion10: isVersion10)
    keepsAlive = isVersion10 ? facts.saysKeepAlive && !facts.saysClose : !facts.saysClose
    // From HTTP/1.0 the expectation is ignored (RFC 9110, section 10.1.1).
    expectsContinue = facts.expectsContinue && !isVersion10 && framing != .none
    switch framing {
    case .none:
      phase = .sizedBody
      bodyLeft = 0
    case .length(let length):
      phase = .sizedBody
      bodyLeft = length
    case .chunked:
      phase = .chunkSize
      extensionBytesLeft = Self.chunkExtensionBytesMax
    }
  }

  // MARK: The body

  private mutating func advanceBody(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int,
    then next: Phase
  ) -> Step? {
    if bodyLeft == 0 {
      phase = next
      return next == .complete ? .end : nil
    }
    let count = min(bodyLeft, bytes.count - offset)
    if count == 0 { return .needsMore }
    bodyLeft -= count
    offset += count
    return .body((offset - count)..<offset)
  }

  private mutating func advanceChunkSize(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int
  ) throws(HTTP1Refusal) -> Step? {
    let read = try line(bytes, &offset, max: Self.chunkLineBytesMax) {
      parser,
      line throws(HTTP1Refusal) in try parser.takeChunkSize(line)
    }
    switch read {
    case .none: return .needsMore
    case .tooLong: throw .malformed("A chunk size line is too long")
    case .read: return nil
    }
  }

  private mutating func takeChunkSize(_ line: UnsafeRawBufferPointer) throws(HTTP1Refusal) {
    var size = 0
    var digits = 0
    while digits < line.count, let value = Self.hexValue(line[digits]) {
      digits += 1
      guard digits <= Self.chunkSizeDigitsMax else { throw .malformed("A chunk size is too large") }
      size = size << 4 | value
    }
    guard digits > 0 else { throw .malformed("A chunk has no size") }
    let surplus = line.part(digits..<line.count)
    if !surplus.isEmpty {
      extensionBytesLeft -= surplus.count
      guard extensionBytesLeft >= 0, HTTP1Field.isText(surplus),
        surplus.trimmed.first == UInt8(ascii: ";")
      else { throw .malformed("A chunk extension is malformed, or they are too long") }
    }
    if size == 0 {
      phase = .trailers
      fieldBytesLeft = headerBytesMax
      fieldCount = 0
    } else {
      phase = .chunkData
      bodyLeft = size
    }
  }

  private static func hexValue(_ byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }

  private mutating func advanceChunkEnd(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int
  ) throws(HTTP1Refusal) -> Step? {
    let read = try line(bytes, &offset, max: 0) { parser, line throws(HTTP1Refusal) in
      guard line.isEmpty else { throw .malformed("A chunk is longer than its size") }
      parser.phase = .chunkSize
    }
    switch read {
    case .none: return .needsMore
    case .tooLong: throw .malformed("A chunk is longer than its size")
    case .read: return nil
    }
  }

  private mutating func advanceTrailers(
    _ bytes: UnsafeRawBufferPointer,
    _ offset: inout Int
  ) throws(HTTP1Refusal) -> Step? {
    let read = try line(bytes, &offset, max: fieldBytesLeft) {
      parser,
      line throws(HTTP1Refusal) in try parser.takeTrailer(line)
    }
    switch read {
    case .none: return .needsMore
    case .tooLong, .read(.tooMany):
      throw HTTP1Refusal(status: 431, message: "The trailer fields are too large")
    case .read(.one): return nil
    case .read(.last):
      phase = .complete
      return .end
    }
  }

  /// Reads a trailer field and drops it: nothing of ours uses any, and one must not pass for a header field.
  private mutating func takeTrailer(
    _ line: UnsafeRawBufferPointer
  ) throws(HTTP1Refusal) -> FieldOutcome {
    if line.isEmpty { return .last }
    guard fieldCount < Self.fieldCountMax, line.count + 2 <= fieldBytesLeft else { return .tooMany }
    fieldCount += 1
    fieldBytesLeft -= line.count + 2
    _ = try HTTP1Field.read(line)
    return .one
  }
}
