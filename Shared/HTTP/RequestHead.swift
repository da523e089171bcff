/// The first part of a request: what is asked for, and the fields.
public struct RequestHead: Sendable {
  /// The request's method.
  public enum Method: Hashable, Sendable {
    case get, head, post, put, patch, delete, options
    /// Any other token.
    case other(String)

    /// The method of a token, which is case-sensitive. Source: RFC 9110, section 9.1.
    public init(_ token: UnsafeRawBufferPointer) {
      self = Method.known(token) ?? .other(String(decoding: token, as: UTF8.self))
    }

    private static func known(_ token: UnsafeRawBufferPointer) -> Method? {
      let table: [(StaticString, Method)] = [
        ("GET", .get), ("POST", .post), ("HEAD", .head), ("PUT", .put), ("PATCH", .patch),
        ("DELETE", .delete), ("OPTIONS", .options),
      ]
      return table.first { name, _ in
        token.count == name.utf8CodeUnitCount
          && token.elementsEqual(UnsafeRawBufferPointer(start: name.utf8Start, count: token.count))
      }?.1
    }

    /// The token.
    public var name: String {
      switch self {
      case .get: "GET"
      case .head: "HEAD"
      case .post: "POST"
      case .put: "PUT"
      case .patch: "PATCH"
      case .delete: "DELETE"
      case .options: "OPTIONS"
      case .other(let token): token
      }
    }
  }

  /// The request's method.
  public var method: Method = .get
  /// The path with the query, percent-encoded as it came.
  public var target: [UInt8] = []
  /// The host the request is for, as it came.
  public var authority: [UInt8] = []
  /// The other fields; pseudo-fields are not among them.
  public var fields = HeaderFields()
  /// Whether the fields were larger than the limit; then not all of them are here, and the request must be refused.
  public var isTooLarge = false

  /// An empty head.
  public init() {}
}
