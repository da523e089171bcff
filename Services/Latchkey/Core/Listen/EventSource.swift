internal import EventLoop
internal import Faults
internal import Glibc
internal import HTTP
internal import ServiceKit
internal import TLS

/// The gateway's stream of events, read line by line.
@EventLoop
final class EventSource {
  /// The longest line: an envelope with the largest metadata, several times over.
  private static let lineBytesMax = 4 << 20
  /// How much of a refusal is read.
  private static let refusalBytesMax = 4_096
  private static let path = "/api/v1/events/stream"

  let url: String
  private let host: String
  private let port: UInt16
  private let key: String
  private let tls: TLSContext
  private var connection: HTTP2ClientConnection?

  /// Finds the deployment: `LATCHKEY_URL`, `LATCHKEY_CA_FILE` and `LATCHKEY_TEST_API_KEY` of the environment, or else of
  /// `dev.env` in a data directory.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when neither says where the deployment is.
  init(dataDirectory: String?) throws(Fault) {
    let environment = try Self.environment(dataDirectory)
    guard let url = environment["LATCHKEY_URL"], let key = environment["LATCHKEY_TEST_API_KEY"],
      let authorities = environment["LATCHKEY_CA_FILE"], url.hasPrefix("https://")
    else {
      throw Fault(
        .failedPrecondition,
        "Set LATCHKEY_URL (https://...), LATCHKEY_CA_FILE and LATCHKEY_TEST_API_KEY, or give --data-dir"
      )
    }
    let address = url.dropFirst("https://".count).split(separator: "/").first.map(String.init) ?? ""
    guard let endpoint = Endpoint(address) ?? Endpoint("\(address):443") else {
      throw Fault(.failedPrecondition, "LATCHKEY_URL is no URL: \(url)")
    }
    self.url = url
    self.key = key
    host = endpoint.host
    port = endpoint.port
    tls = try TLSContext(
      .client(authorities: try SettingsFile.read(authorities), applicationProtocols: ["h2"])
    )
  }

  private static func environment(_ dataDirectory: String?) throws(Fault) -> DevEnvironment {
    var environment = DevEnvironment()
    if dataDirectory == nil, getenv("LATCHKEY_URL") != nil {
      for name in ["LATCHKEY_URL", "LATCHKEY_CA_FILE", "LATCHKEY_TEST_API_KEY"] {
        environment[name] = getenv(name).map { String(cString: $0) }
      }
      return environment
    }
    let directory = try DataDirectory.chosen(dataDirectory)
    guard case .ours = try directory.state() else {
      throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
    }
    let bytes = try SettingsFile.read(directory.environmentFile)
    return DevEnvironment(text: String(decoding: bytes, as: UTF8.self))
  }

  /// Reads the stream until it ends, one line after the other.
  ///
  /// - Parameters:
  ///   - cursor: Where to begin; nil for now.
  ///   - take: Given each line without its end; the next follows when it returns.
  /// - Throws: ``Fault`` `unavailable` when the deployment cannot be reached or has no time, `permissionDenied` when it
  ///   refuses the key.
  func read(
    after cursor: String?,
    _ take: @EventLoop ([UInt8]) async -> Void
  ) async throws(Fault) {
    guard let address = try await EventLoop.resolve(host: host, port: port).first else {
      throw .unavailable("\(host) has no address")
    }
    let connection = try await HTTP2ClientConnection.connect(
      to: address,
      tls: tls,
      serverName: host
    )
    self.connection = connection
    defer {
      connection.close()
      self.connection = nil
    }
    let answer = StreamedAnswer()
    let query = cursor.map { "?cursor=\($0)" } ?? ""
    guard
      let stream = connection.open(
        method: "GET",
        path: Self.path + query,
        fields: HeaderFields(authorization: key),
        handler: answer
      )
    else { throw .unavailable("The gateway takes no requests now") }
    stream.finish(nil)
    var line: [UInt8] = []
    var refusal: [UInt8] = []
    while let bytes = await answer.next() {
      guard answer.status == 200 else {
        refusal.append(contentsOf: bytes.prefix(Self.refusalBytesMax - refusal.count))
        continue
      }
      for byte in bytes {
        guard byte == UInt8(ascii: "\n") else {
          line.append(byte)
          continue
        }
        await take(line)
        line.removeAll(keepingCapacity: true)
      }
      guard line.count <= Self.lineBytesMax else { throw .unavailable("The stream is garbled") }
    }
    switch answer.status {
    case 200: return
    case 401, 403, 404:
      throw Fault(.permissionDenied, "The gateway refused the stream: \(Self.text(refusal))")
    case 0: throw .unavailable("The gateway did not answer")
    case let status: throw .unavailable("The gateway answered \(status)")
    }
  }

  /// Ends what is being read.
  func close() { connection?.close() }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension HeaderFields {
  fileprivate init(authorization key: String) {
    self.init()
    append("authorization", "Bearer \(key)")
    append("accept", "application/x-ndjson")
  }
}

/// The answer to one request, piece by piece.
@EventLoop
private final class StreamedAnswer: ResponseHandler {
  /// The HTTP status; zero until it has come.
  private(set) var status = 0
  private var pieces: [[UInt8]] = []
  private var isOver = false
  private var waiting: CheckedContinuation<Void, Never>?

  nonisolated init() {}

  /// The next bytes; nil when the answer is over.
  func next() async -> [UInt8]? {
    while pieces.isEmpty, !isOver {
      await withCheckedContinuation { waiting = $0 }
    }
    return pieces.isEmpty ? nil : pieces.removeFirst()
  }

  func received(_ stream: HTTP2Stream) {
    status = stream.status
    let bytes = stream.takeReceived()
    if !bytes.isEmpty { pieces.append(bytes) }
    wake()
  }

  func drained(_ stream: HTTP2Stream) {}

  func closed(_ stream: HTTP2Stream) {
    isOver = true
    wake()
  }

  private func wake() {
    waiting?.resume()
    waiting = nil
  }
}
