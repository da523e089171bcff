internal import CCurl
internal import Glibc

/// One request's side of libcurl's callbacks: which addresses may be connected to, and what came back.
///
/// A plain class of the loop's isolation, so that a callback enters nothing.
final class Exchange {
  private let limits: SendingLimits
  private let policy: AddressPolicy
  private var scheme = WebhookURL.Scheme.https
  private var addresses: [IPAddress] = []

  /// Whether libcurl asked for a connection to any other address.
  private(set) var wasBlocked = false
  /// Whether a socket could not be opened since the process, or the machine, has no more.
  private(set) var isOutOfSockets = false
  private(set) var head: [UInt8] = []
  private(set) var body: [UInt8] = []
  private(set) var retryAfter: String?
  /// Whether the head of the reply, and not only of an interim one, has come to its end.
  private(set) var isHeadComplete = false
  private(set) var isHeadTooLarge = false
  private(set) var isBodyTooLarge = false
  private var headByteCount = 0
  private var headLineCount = 0
  private var bodyByteCount = 0

  init(limits: SendingLimits, policy: AddressPolicy) {
    self.limits = limits
    self.policy = policy
  }

  /// Forgets the last request and takes up the next.
  func begin(scheme: WebhookURL.Scheme, addresses: [IPAddress]) {
    self.scheme = scheme
    self.addresses = addresses
    wasBlocked = false
    isOutOfSockets = false
    head = []
    body = []
    retryAfter = nil
    isHeadComplete = false
    isHeadTooLarge = false
    isBodyTooLarge = false
    headByteCount = 0
    headLineCount = 0
    bodyByteCount = 0
  }

  // MARK: The connection

  /// Opens a socket to an address of the name that was vetted for this request, and to no other: whatever libcurl's
  /// own resolver, or a name that has changed meanwhile, says.
  ///
  /// - Returns: The socket, or -1.
  func open(_ target: UnsafeMutablePointer<curl_sockaddr>) -> Int32 {
    guard let address = Exchange.address(of: target), addresses.contains(address),
      policy.refusal(of: address, over: scheme) == nil
    else {
      wasBlocked = true
      return -1
    }
    let descriptor = socket(
      target.pointee.family,
      target.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue),
      target.pointee.protocol
    )
    if descriptor < 0, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { isOutOfSockets = true }
    return descriptor
  }

  private static func address(of target: UnsafeMutablePointer<curl_sockaddr>) -> IPAddress? {
    // A `sockaddr` may be cut short or padded: what is read must lie within what libcurl says there is.
    let length = Int(target.pointee.addrlen)
    return withUnsafeBytes(of: &target.pointee.addr) { _ in
      let bytes = UnsafeRawBufferPointer(
        start: UnsafeRawPointer(target) + addressOffset,
        count: length
      )
      switch target.pointee.family {
      case AF_INET where length >= MemoryLayout<sockaddr_in>.size:
        return IPAddress(bytes: bytes[4..<8])
      case AF_INET6 where length >= MemoryLayout<sockaddr_in6>.size:
        return IPAddress(bytes: bytes[8..<24])
      default: return nil
      }
    }
  }

  private static let addressOffset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 0

  // MARK: The reply

  /// Takes a line of the reply's head, of an interim reply's, or of trailers.
  ///
  /// False when there are too many.
  func received(line: UnsafeRawBufferPointer) -> Bool {
    headByteCount += line.count
    headLineCount += 1
    guard headByteCount <= limits.headBytesMax, headLineCount <= limits.headLinesMax else {
      isHeadTooLarge = true
      return false
    }
    // After an interim reply the next one begins anew.
    if line.starts(with: "HTTP/".utf8) {
      head = []
      retryAfter = nil
      isHeadComplete = false
    }
    if line.elementsEqual("\r\n".utf8) || line.elementsEqual("\n".utf8) { isHeadComplete = true }
    head.append(contentsOf: line.prefix(limits.headBytesKept - head.count))
    if let value = Exchange.retryAfter(line) { retryAfter = value }
    return true
  }

  /// Takes bytes of the reply's body.
  ///
  /// False when there are too many.
  func received(body bytes: UnsafeRawBufferPointer) -> Bool {
    bodyByteCount += bytes.count
    body.append(contentsOf: bytes.prefix(limits.bodyBytesKept - body.count))
    guard bodyByteCount <= limits.bodyBytesMax else {
      isBodyTooLarge = true
      return false
    }
    return true
  }

  private static let retryAfterName = "retry-after:"
  /// A date has 29 characters.
  private static let retryAfterBytesMax = 64

  private static func retryAfter(_ line: UnsafeRawBufferPointer) -> String? {
    let name = retryAfterName.utf8
    guard line.count > name.count,
      zip(line, name).allSatisfy({ ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 })
    else { return nil }
    let value = line.dropFirst(name.count).prefix(retryAfterBytesMax)
      .filter { (0x20...0x7E).contains($0) }
    return String(decoding: value, as: UTF8.self)
  }
}
