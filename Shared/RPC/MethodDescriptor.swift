internal import EventLoop

/// What is known of a method before it is called: generated from the contract.
///
/// An object, since every call refers to one and a copy of its parts would count a reference for each.
public final class MethodDescriptor: Sendable {
  /// Which sides send a stream of messages.
  public enum Kind: Sendable {
    case unary, clientStreaming, serverStreaming, bidirectional
  }

  /// The request path, `/package.Service/Method`.
  public let path: String
  /// Which sides stream.
  public let kind: Kind
  /// Whether repeating a call does no harm, so that a client may retry it.
  public let isIdempotent: Bool
  /// Whether calls travel with others on one stream of a connection, where the server knows how.
  public let isTrunked: Bool
  /// The scope that a caller must hold; nil where any caller may call.
  public let scope: String?
  /// Whether a caller with a license key may call without the scope, since the method limits it to its own license.
  public let admitsLicenseKeys: Bool
  /// Whether a caller without any credential may call without the scope.
  public let admitsAnonymous: Bool
  /// Whether only a user who is logged in may call.
  public let isForUsers: Bool
  /// The deadline of a call that brings none; nil takes ``standardTimeout``.
  public let defaultTimeout: Duration?
  /// The identities (names in client certificates) that may call; `*` admits every identity of the deployment.
  public let callers: [String]

  /// ``defaultTimeout`` or what stands in for it, ready for the hot path.
  let timeoutNanoseconds: Int64

  /// The deadline of a call where neither caller nor contract names one.
  public static let standardTimeout = Duration.seconds(10)

  /// Makes a descriptor.
  public init(
    path: String,
    kind: Kind = .unary,
    isIdempotent: Bool = false,
    isTrunked: Bool = false,
    scope: String? = nil,
    admitsLicenseKeys: Bool = false,
    admitsAnonymous: Bool = false,
    isForUsers: Bool = false,
    defaultTimeout: Duration? = nil,
    callers: [String] = ["*"]
  ) {
    self.path = path
    self.kind = kind
    self.isIdempotent = isIdempotent
    self.isTrunked = isTrunked
    self.scope = scope
    self.admitsLicenseKeys = admitsLicenseKeys
    self.admitsAnonymous = admitsAnonymous
    self.isForUsers = isForUsers
    self.defaultTimeout = defaultTimeout
    self.callers = callers
    // A stream of either kind may be meant to stay open, such as a health watch.
    let timeout =
      defaultTimeout ?? (kind == .unary ? MethodDescriptor.standardTimeout : Timeout.max)
    timeoutNanoseconds = timeout.nanoseconds
  }
}
