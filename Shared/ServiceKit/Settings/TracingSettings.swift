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

  /// Reads them; nil where nothing is recorded, or one was refused.
  public init?(_ reader: SettingsReader) {
    let collector = Self.collector(reader)
    let fields = Self.fields(reader)
    let ratio = Self.ratio(reader)
    guard let collector, let ratio, let fields else { return nil }
    self.collector = collector
    self.ratio = ratio
    self.fields = fields
  }

  private static func collector(_ reader: SettingsReader) -> CollectorURL? {
    let setting = Setting(
      "LATCHKEY_OTLP_ENDPOINT",
      "URL",
      "the collector that traces are sent to; nothing is recorded without it",
      expected:
        "an address such as http://collector:4318, without credentials (those are in LATCHKEY_OTLP_HEADERS_FILE)",
      without: .nothing,
      mayHoldSecret: true
    )
    return reader.value(setting) { CollectorURL($0) }
  }

  /// Header fields for the collector: none where there is no file, nil when it was refused.
  private static func fields(_ reader: SettingsReader) -> [(name: String, value: String)]? {
    let name = "LATCHKEY_OTLP_HEADERS_FILE"
    let path = reader.secretFile(
      name,
      "header fields for the collector, a line `Name: value` each",
      isOptional: true
    )
    guard let path else { return [] }
    let fields = readFields(path)
    if fields == nil {
      reader.refuse(
        name,
        "is not acceptable; expected a file with a line `Name: value` for each field"
      )
    }
    return fields
  }

  private static func ratio(_ reader: SettingsReader) -> Double? {
    let setting = Setting(
      "LATCHKEY_TRACE_RATIO",
      "RATIO",
      "how many of the requests that bring no trace are recorded, from 0 to 1",
      expected: "a number from 0 to 1",
      without: .value("0.01")
    )
    return reader.value(setting) { text in
      Double(text).flatMap { (0...1).contains($0) ? $0 : nil }
    }
  }

  private static func readFields(_ path: String) -> [(name: String, value: String)]? {
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
