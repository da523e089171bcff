/// One field line, split into its name and value.
struct HTTP1Field {
  var name: UnsafeRawBufferPointer
  var value: UnsafeRawBufferPointer

  /// Splits a line.
  ///
  /// Source: RFC 9112, section 5.
  static func read(_ line: UnsafeRawBufferPointer) throws(HTTP1Refusal) -> HTTP1Field {
    if line.first?.isBlank == true { throw .malformed("A field is folded over two lines") }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      throw .malformed("A field has no colon")
    }
    let name = line.part(0..<colon)
    if name.last?.isBlank == true { throw .malformed("A field has a space before its colon") }
    guard !name.isEmpty, ByteSet.token.containsAll(name) else {
      throw .malformed("A field name is malformed")
    }
    let value = line.part((colon + 1)..<line.count).trimmed
    guard isText(value) else { throw .malformed("A field value has a control character") }
    return HTTP1Field(name: name, value: value)
  }

  /// Whether no byte is a control character but the tab.
  ///
  /// Bytes above ASCII are allowed, and opaque.
  static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
    for byte in bytes where byte < 0x20 && byte != 0x09 || byte == 0x7F { return false }
    return true
  }
}

/// What the fields of a head say about the connection and the body.
struct HTTP1HeadFacts {
  private(set) var saysClose = false
  private(set) var saysKeepAlive = false
  private(set) var expectsContinue = false
  private var host: [UInt8]?
  private var contentLength: Int?
  private var isChunked = false

  /// Notes a field.
  ///
  /// True when it is about this connection only, or has its own place in the head, so that a
  /// handler sees the same fields as over HTTP/2.
  mutating func note(_ field: HTTP1Field) throws(HTTP1Refusal) -> Bool {
    // The length tells most names apart, so that few are compared.
    switch field.name.count {
    case 2 where field.name.isText("te"): return true
    case 4 where field.name.isText("host"): try noteHost(field.value)
    case 6 where field.name.isText("expect"):
      // Handlers see it too: who refuses a peer that waits can do so before the body.
      try noteExpect(field.value)
      return false
    case 7 where field.name.isText("upgrade"): return true
    case 10 where field.name.isText("connection"): noteConnection(field.value)
    case 10 where field.name.isText("keep-alive"): return true
    case 14 where field.name.isText("content-length"):
      try noteContentLength(field.value)
      return false
    case 16 where field.name.isText("proxy-connection"): return true
    case 17 where field.name.isText("transfer-encoding"): try noteTransferEncoding(field.value)
    default: return false
    }
    return true
  }

  private mutating func noteHost(_ value: UnsafeRawBufferPointer) throws(HTTP1Refusal) {
    guard host == nil else { throw .malformed("There is more than one Host field") }
    guard HTTP1RequestLine.isAuthority(value) else { throw .malformed("The host is malformed") }
    host = Array(value)
  }

  private mutating func noteExpect(_ value: UnsafeRawBufferPointer) throws(HTTP1Refusal) {
    guard value.isText("100-continue") else {
      throw HTTP1Refusal(status: 417, message: "Only 100-continue can be expected")
    }
    expectsContinue = true
  }

  private mutating func noteConnection(_ value: UnsafeRawBufferPointer) {
    var rest = value
    while true {
      let comma = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count
      let option = rest.part(0..<comma).trimmed
      if option.isText("close") { saysClose = true }
      if option.isText("keep-alive") { saysKeepAlive = true }
      if comma == rest.count { return }
      rest = rest.part((comma + 1)..<rest.count)
    }
  }

  private mutating func noteContentLength(_ value: UnsafeRawBufferPointer) throws(HTTP1Refusal) {
    // Also two equal ones are refused: another reader may take the first and one the last.
    guard contentLength == nil else { throw .malformed("There is more than one Content-Length") }
    guard !value.isEmpty, value.count <= HTTP1Parser.contentLengthDigitsMax else {
      throw .malformed("The Content-Length is malformed")
    }
    var length = 0
    for byte in value {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
        throw .malformed("The Content-Length is malformed")
      }
      length = length * 10 + Int(byte - UInt8(ascii: "0"))
    }
    contentLength = length
  }

  private mutating func noteTransferEncoding(_ value: UnsafeRawBufferPointer) throws(HTTP1Refusal) {
    guard !isChunked else { throw .malformed("There is more than one Transfer-Encoding") }
    guard value.isText("chunked") else {
      throw HTTP1Refusal(status: 501, message: "The only Transfer-Encoding served here is chunked")
    }
    isChunked = true
  }

  /// Settles which host is asked.
  ///
  /// Source: RFC 9112, sections 3.2 and 3.2.2.
  func checkHost(for head: inout RequestHead, isVersion10: Bool) throws(HTTP1Refusal) {
    guard let host else {
      if isVersion10 { return }
      throw .malformed("There is no Host field")
    }
    // A host in the target takes the place of the field, whatever that says.
    if head.authority.isEmpty { head.authority = host }
  }

  /// Settles how the body ends.
  ///
  /// Source: RFC 9112, section 6.3.
  func framing(isVersion10: Bool) throws(HTTP1Refusal) -> HTTP1Parser.Framing {
    guard isChunked else { return contentLength.map { .length($0) } ?? .none }
    guard contentLength == nil else {
      throw .malformed("There are both a Content-Length and a Transfer-Encoding")
    }
    guard !isVersion10 else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
    return .chunked
  }
}
