public import EventLoop
internal import Glibc
public import HTTP

/// Answers a certificate authority that wants to know whether a name leads here, over plain HTTP.
///
/// The answers are the files that `certbot certonly --webroot` puts into a folder. There is nothing else on that port.
///
/// Source: RFC 8555, section 8.3.
@EventLoop
public final class ACMEChallenges: RequestHandler {
  /// Where clients ask, and where the files lie below the folder.
  private static let path = "/.well-known/acme-challenge/"
  /// A token has at least 128 bits in base64url; authorities use 43 characters.
  private static let tokenBytesMax = 128
  /// A token, a period, and a key's thumbprint, with a line's end.
  private nonisolated static let fileBytesMax = 1_024

  private let webroot: String

  /// Answers from a folder.
  ///
  /// - Parameter webroot: What `certbot` is given as `--webroot-path`.
  public init(webroot: String) { self.webroot = webroot }

  /// Answers a request.
  public func receivedHead(_ stream: any ServerStream) {
    let head = stream.request
    guard let token = Self.token(head.target) else {
      return send(
        404,
        "Only ACME challenges are answered here; the API is served over HTTPS.\n",
        stream
      )
    }
    guard head.method == .get || head.method == .head else {
      return send(405, "Challenges are read with GET.\n", stream, ["allow": "GET, HEAD"])
    }
    let isHead = head.method == .head
    let file = webroot + Self.path + token
    EventLoop.spawn { [self] in
      let content = await EventLoop.background { Self.read(file) }
      guard !stream.isClosed else { return }
      guard let content else { return send(404, "There is no such challenge.\n", stream) }
      send(200, content, stream, isHead: isHead)
    }
  }

  /// Nothing is done with bodies.
  public func receivedBody(_ stream: any ServerStream) {}

  /// Answers are sent whole.
  public func drained(_ stream: any ServerStream) {}

  /// Nothing is kept of a request.
  public func closed(_ stream: any ServerStream) {}

  /// The token of a path; nil for any path that is not exactly that of a challenge.
  static func token(_ target: [UInt8]) -> String? {
    guard target.starts(with: path.utf8) else { return nil }
    let token = target.dropFirst(path.utf8.count)
    let isToken =
      (1...tokenBytesMax).contains(token.count)
      && token.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
    return isToken ? String(decoding: token, as: UTF8.self) : nil
  }

  /// Reads a challenge; nil where there is none, or where it is no plain, small file.
  private nonisolated static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    var bytes = [UInt8](repeating: 0, count: fileBytesMax + 1)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard (0...fileBytesMax).contains(count) else { return nil }
    return Array(bytes[..<count])
  }

  private func send(
    _ status: Int,
    _ text: String,
    _ stream: any ServerStream,
    _ fields: KeyValuePairs<StaticString, String> = [:]
  ) {
    send(status, Array(text.utf8), stream, fields, isHead: stream.request.method == .head)
  }

  private func send(
    _ status: Int,
    _ body: [UInt8],
    _ stream: any ServerStream,
    _ fields: KeyValuePairs<StaticString, String> = [:],
    isHead: Bool
  ) {
    var head = HeaderFields(fields)
    head.append("content-type", "text/plain; charset=utf-8")
    head.append("content-length", String(body.count))
    head.append("cache-control", "no-store")
    head.append("x-content-type-options", "nosniff")
    let isEnd = isHead || body.isEmpty
    stream.sendHead(status: status, head, isEnd: isEnd)
    guard !isEnd else { return }
    stream.sendBody { $0.append(contentsOf: body) }
    stream.finish(nil)
  }
}
