/// The first lines of an answer as HTTP/1.1 writes them.
///
/// Source: RFC 9112, section 4.
enum HTTP1Response {
  /// How the peer knows the end of the body.
  enum Framing: Equatable {
    /// There is none: the status or the method says so.
    case none
    case length(Int)
    case chunked
    /// The body ends with the connection: all that HTTP/1.0 has for an unknown length.
    case untilClose
  }

  /// What is said about the connection.
  enum ConnectionOption {
    case none
    case close
    case keepAlive
  }

  static let continueBytes: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

  /// Appends status line and fields, with what frames the body.
  ///
  /// Fields that speak of the connection are left out, as they are over HTTP/2; so is a value with a control
  /// character, which could pass for the end of a field.
  ///
  /// `length` is what `content-length` says; nil where the field is absent.
  static func appendHead(
    status: Int,
    _ fields: HeaderFields,
    framing: Framing,
    length: Int?,
    connection: ConnectionOption,
    to output: inout [UInt8]
  ) {
    append("HTTP/1.1 ", to: &output)
    append(number: status, to: &output)
    append(" ", to: &output)
    append(phrase(status), to: &output)
    append("\r\n", to: &output)
    fields.withBytes { name, value in
      if isOwn(name) || !HTTP1Field.isText(value) { return }
      output.append(contentsOf: name)
      append(": ", to: &output)
      output.append(contentsOf: value)
      append("\r\n", to: &output)
    }
    if let length {
      append("content-length: ", to: &output)
      append(number: length, to: &output)
      append("\r\n", to: &output)
    }
    if framing == .chunked { append("transfer-encoding: chunked\r\n", to: &output) }
    switch connection {
    case .none: break
    case .close: append("connection: close\r\n", to: &output)
    case .keepAlive: append("connection: keep-alive\r\n", to: &output)
    }
    append("\r\n", to: &output)
  }

  /// Appends a whole answer to a request that no handler has seen.
  static func appendRefusal(
    status: Int,
    _ fields: HeaderFields,
    _ body: [UInt8],
    to output: inout [UInt8]
  ) {
    appendHead(
      status: status,
      fields,
      framing: .length(body.count),
      length: body.count,
      connection: .close,
      to: &output
    )
    output.append(contentsOf: body)
  }

  /// Appends a piece of a chunked body; it must not be empty, since that would end the body.
  static func appendChunk(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
    output.append(contentsOf: String(bytes.count, radix: 16).utf8)
    append("\r\n", to: &output)
    output.append(contentsOf: bytes)
    append("\r\n", to: &output)
  }

  static func append(_ text: StaticString, to output: inout [UInt8]) {
    output.append(
      contentsOf: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    )
  }

  private static func append(number: Int, to output: inout [UInt8]) {
    output.append(contentsOf: String(number).utf8)
  }

  /// Fields that this side settles by itself.
  private static func isOwn(_ name: UnsafeRawBufferPointer) -> Bool {
    switch name.count {
    case 7: name.isText("upgrade")
    case 10: name.isText("connection") || name.isText("keep-alive")
    case 14: name.isText("content-length")
    case 16: name.isText("proxy-connection")
    case 17: name.isText("transfer-encoding")
    default: false
    }
  }

  /// The phrase of a status, for people who read along; programs must ignore it.
  private static func phrase(_ status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: ""
    }
  }
}
