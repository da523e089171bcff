internal import Faults
public import Tracing

/// Where traces are sent, and how many.
public struct TracingSettings: Sendable {
  /// The collector.
  public let collector: CollectorURL
  /// Header fields for it, such as credentials.
  public let fields: [(name: String, value: String)]
  /// How many of the requests that bring no trace are recorded, from 0 to 1.
  public let ratio: Double

  /// Bytes of the file with fields.
  private static let fileBytesMax = 8 * 1024

  /// Reads `LATCHKEY_OTLP_ENDPOINT`, without which nothing is recorded, `LATCHKEY_OTLP_HEADERS_FILE` (optional) and
  /// `LATCHKEY_TRACE_RATIO` (default 0.01).
  ///
  /// Nil where nothing is recorded, or one was refused.
  public init?(_ reader: SettingsReader) {
    let ratio = reader.value(
      "LATCHKEY_TRACE_RATIO",
      default: 0.01,
      expected: "a number from 0 to 1"
    ) {
      Double($0).flatMap { (0...1).contains($0) ? $0 : nil }
    }
    var fields: [(name: String, value: String)]? = []
    if reader.isSet("LATCHKEY_OTLP_HEADERS_FILE") {
      fields = reader.readableFile("LATCHKEY_OTLP_HEADERS_FILE").flatMap { path in
        let fields = TracingSettings.fields(in: path)
        if fields == nil {
          reader.refuse(
            "LATCHKEY_OTLP_HEADERS_FILE",
            "is not acceptable; expected the path of a file with a line `Name: value` for each field"
          )
        }
        return fields
      }
    }
    guard reader.isSet("LATCHKEY_OTLP_ENDPOINT") else { return nil }
    let collector = reader.value(
      "LATCHKEY_OTLP_ENDPOINT",
      expected:
        "an address such as http://collector:4318, without credentials (those are in LATCHKEY_OTLP_HEADERS_FILE)",
      repeatsRefused: false
    ) { CollectorURL($0) }
    guard let collector, let ratio, let fields else { return nil }
    self.collector = collector
    self.ratio = ratio
    self.fields = fields
  }

  private static func fields(in path: String) -> [(name: String, value: String)]? {
    guard let bytes = try? SettingsFile.read(path), bytes.count <= fileBytesMax else { return nil }
    var fields: [(name: String, value: String)] = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"),
        line.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
      else { return nil }
      let name = line[..<colon]
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      guard !name.isEmpty, !value.isEmpty, !name.contains(" ") else { return nil }
      fields.append((String(name), String(value)))
    }
    return fields
  }
}
