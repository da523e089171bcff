internal import EventLoop
internal import Faults
internal import HTTP

/// The gateway's stream of events, read line by line.
@EventLoop
final class EventSource {
  /// The longest line: an envelope with the largest metadata, several times over.
  private static let lineBytesMax = 4 << 20
  /// How much of a refusal is read.
  private static let refusalBytesMax = 4_096
  private static let path = "/api/v1/events/stream"

  private let endpoint: APIEndpoint
  private let key: String
  private var connection: HTTP2ClientConnection?
  private var isClosed = false

  /// Where the stream is.
  var url: String { endpoint.url }

  /// Finds the deployment, and the key of its test environment.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when nothing says where the deployment is, or the key is missing.
  init(dataDirectory: String?) throws(Fault) {
    endpoint = try APIEndpoint(dataDirectory: dataDirectory)
    guard let key = endpoint.variables["LATCHKEY_TEST_API_KEY"] else {
      throw Fault(.failedPrecondition, "Set LATCHKEY_TEST_API_KEY, or give --data-dir")
    }
    self.key = key
  }

  /// Reads the stream until it ends, one line after the other.
  ///
  /// - Parameters:
  ///   - cursor: Where to begin; nil for now.
  ///   - take: Given each line without its end; the next follows when it returns.
  /// - Throws: ``Fault`` `unavailable` when the deployment cannot be reached or has no time, `permissionDenied` when it
  ///   refuses the key, `invalidArgument` when it refuses the cursor.
  func read(
    after cursor: String?,
    _ take: @EventLoop ([UInt8]) async -> Void
  ) async throws(Fault) {
    let connection = try await endpoint.connect()
    self.connection = connection
    defer {
      connection.close()
      self.connection = nil
    }
    // Whoever closes it while it connects has had nothing to close.
    guard !isClosed else { return }
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
    case 400:
      throw Fault(.invalidArgument, "The gateway refused the cursor: \(Self.text(refusal))")
    case 401, 403, 404:
      throw Fault(.permissionDenied, "The gateway refused the stream: \(Self.text(refusal))")
    case 0: throw .unavailable("The gateway did not answer")
    case let status: throw .unavailable("The gateway answered \(status)")
    }
  }

  /// Ends what is being read, for good.
  func close() {
    isClosed = true
    connection?.close()
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension HeaderFields {
  fileprivate init(authorization key: String) {
    self.init()
    append("authorization", "Bearer \(key)")
    append("accept", "application/x-ndjson")
  }
}
