/// The first line of a request.
///
/// Source: RFC 9112, section 3.
enum HTTP1RequestLine {
  /// Reads the line into a head's method, target and, where the target names one, authority.
  ///
  /// - Returns: Whether the version is HTTP/1.0.
  static func read(
    _ line: UnsafeRawBufferPointer,
    into head: inout RequestHead
  ) throws(HTTP1Refusal) -> Bool {
    // Exactly one space between the parts: a lenient split is where two readers begin to differ.
    guard let first = line.firstIndex(of: 0x20), let last = line.lastIndex(of: 0x20), first < last
    else { throw .malformed("The request line is malformed") }
    let method = line.part(0..<first)
    let target = line.part((first + 1)..<last)
    guard !method.isEmpty, ByteSet.token.containsAll(method) else {
      throw .malformed("The method is malformed")
    }
    let isVersion10 = try readVersion(line.part((last + 1)..<line.count))
    guard !target.isEmpty, target.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") })
    else { throw .malformed("The request target is malformed") }
    head.method = RequestHead.Method(method)
    try readTarget(target, into: &head)
    return isVersion10
  }

  private static func readVersion(_ version: UnsafeRawBufferPointer) throws(HTTP1Refusal) -> Bool {
    let prefix: StaticString = "HTTP/"
    // The name is case-sensitive (section 2.3).
    guard version.count == 8, version[6] == UInt8(ascii: "."),
      version.prefix(5).elementsEqual(
        UnsafeRawBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
      ),
      isDigit(version[5]), isDigit(version[7])
    else { throw .malformed("The protocol version is malformed") }
    guard version[5] == UInt8(ascii: "1") else {
      throw HTTP1Refusal(status: 505, message: "Only HTTP/1.1 and HTTP/1.0 are served here")
    }
    return version[7] == UInt8(ascii: "0")
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  /// Reads the target in each of its forms.
  ///
  /// Source: RFC 9112, section 3.2.
  private static func readTarget(
    _ target: UnsafeRawBufferPointer,
    into head: inout RequestHead
  ) throws(HTTP1Refusal) {
    if head.method == .other("CONNECT") {
      throw HTTP1Refusal(status: 501, message: "CONNECT is not served here")
    }
    if target[0] == UInt8(ascii: "/") {
      head.target = Array(target)
    } else if target.count == 1, target[0] == UInt8(ascii: "*") {
      guard head.method == .options else { throw .malformed("The target * is for OPTIONS only") }
      head.target = [UInt8(ascii: "*")]
    } else {
      try readAbsolute(target, into: &head)
    }
  }

  /// Reads `http://host/path`, which every server must take though only proxies get it (section 3.2.2).
  private static func readAbsolute(
    _ target: UnsafeRawBufferPointer,
    into head: inout RequestHead
  ) throws(HTTP1Refusal) {
    guard let colon = target.firstIndex(of: UInt8(ascii: ":")), colon + 3 <= target.count,
      target[colon + 1] == UInt8(ascii: "/"), target[colon + 2] == UInt8(ascii: "/"),
      target.part(0..<colon).isText("https") || target.part(0..<colon).isText("http")
    else { throw .malformed("The request target is malformed") }
    let rest = target.part((colon + 3)..<target.count)
    let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.count
    let authority = rest.part(0..<end)
    guard isAuthority(authority) else { throw .malformed("The host is malformed") }
    head.authority = Array(authority)
    let path = rest.part(end..<rest.count)
    if path.isEmpty {
      // Without any path, OPTIONS asks about the server as a whole.
      head.target = [head.method == .options ? UInt8(ascii: "*") : UInt8(ascii: "/")]
    } else if path[0] == UInt8(ascii: "?") {
      head.target = [UInt8(ascii: "/")] + path
    } else {
      head.target = Array(path)
    }
  }

  /// Whether this can be a host with an optional port; user names are refused, as RFC 9110, section 4.2.4 asks.
  static func isAuthority(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let first = bytes.first, first != UInt8(ascii: ":") else { return false }
    return ByteSet.authority.containsAll(bytes)
  }
}
