internal import Glibc

/// The first part of a request: what is asked for, and the fields.
public struct RequestHead: Sendable {
  /// The request's method.
  public enum Method: Hashable, Sendable {
    case get, head, post, put, patch, delete, options
    /// Any other token.
    case other(String)

    /// The method of a token, which is case-sensitive.
    ///
    /// Source: RFC 9110, section 9.1.
    public init(_ token: UnsafeRawBufferPointer) {
      self = Method.known(token) ?? .other(String(decoding: token, as: UTF8.self))
    }

    private static func known(_ token: UnsafeRawBufferPointer) -> Method? {
      func isToken(_ name: StaticString) -> Bool {
        guard token.count == name.utf8CodeUnitCount, let start = token.baseAddress else {
          return false
        }
        return memcmp(start, name.utf8Start, token.count) == 0
      }
      if isToken("POST") { return .post }
      if isToken("GET") { return .get }
      if isToken("PATCH") { return .patch }
      if isToken("DELETE") { return .delete }
      if isToken("PUT") { return .put }
      if isToken("HEAD") { return .head }
      if isToken("OPTIONS") { return .options }
      return nil
    }

    /// Whether it is one of those that HTTP itself has.
    public var isKnown: Bool { if case .other = self { false } else { true } }

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

  /// Empties the head and keeps its memory.
  mutating func removeAll() {
    method = .get
    target.removeAll(keepingCapacity: true)
    authority.removeAll(keepingCapacity: true)
    fields.removeAll()
    isTooLarge = false
  }
}
