internal import Faults
public import Logging
internal import Primitives

/// Writes each log event as one line of JSON to standard error.
///
/// The members are `time` (UTC, milliseconds), `level`, `service`, `logger`, `message`, `error` where
/// there is one, and then the metadata. Secrets do not appear: see ``Sensitivity`` and `Redaction`.
public struct JSONLogHandler: LogHandler {
  /// Metadata of every line of this logger.
  public var metadata: Logger.Metadata = [:]
  /// What is less severe is not written.
  public var logLevel: Logger.Level
  /// Adds metadata from the task's context.
  public var metadataProvider: Logger.MetadataProvider?

  private let service: String
  private let label: String
  private let write: @Sendable ([UInt8]) -> Void

  /// Makes a handler.
  ///
  /// - Parameters:
  ///   - service: The name of the process, such as `keys`.
  ///   - label: The logger's own name.
  ///   - level: The least severe level that is written.
  ///   - write: Takes one whole line; standard error if nothing is said.
  public init(
    service: String,
    label: String,
    level: Logger.Level,
    write: @escaping @Sendable ([UInt8]) -> Void = JSONLogHandler.writeToStandardError
  ) {
    self.service = service
    self.label = label
    self.write = write
    logLevel = level
  }

  /// One value of the metadata.
  public subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes one event.
  public func log(event: LogEvent) {
    write(line(of: event, at: .now()))
  }

  func line(of event: LogEvent, at time: Timestamp) -> [UInt8] {
    var line = LogLine()
    line.add("time", time.iso8601)
    line.add("level", event.level.rawValue)
    line.add("service", service)
    line.add("logger", label)
    line.add("message", Redaction.redact(event.message.description))
    if let error = event.error { line.add("error", Redaction.redact(describe(error))) }
    for (name, value) in merged(event.metadata).sorted(by: { $0.key < $1.key }) {
      let member = JSONLogHandler.ownNames.contains(name) ? "\(name)_" : name
      line.add(member) { append(value, named: name, to: &$0) }
    }
    line.finish()
    return line.bytes
  }

  /// Members this handler writes itself; metadata of such a name gets an underscore behind it.
  private static let ownNames: Set<String> = [
    "time", "level", "service", "logger", "message", "error",
  ]

  private func merged(_ own: Logger.Metadata?) -> Logger.Metadata {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
    if let own { all.merge(own) { _, new in new } }
    return all
  }

  private func append(
    _ value: Logger.MetadataValue,
    named name: String,
    to line: inout LogLine
  ) {
    if value.attributes[Sensitivity.self] == .secret || Redaction.isSecretName(name) {
      line.appendString(Redaction.blot)
      return
    }
    switch value {
    case .string(let text):
      line.appendString(Redaction.redact(text))
    case .stringConvertible(let value):
      line.appendString(Redaction.redact(describe(value)))
    case .array(let values):
      line.appendArray(values) { append($1, named: name, to: &$0) }
    case .dictionary(let members):
      line.appendObject { line in
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
          line.add(name) { append(value, named: name, to: &$0) }
        }
      }
    }
  }

  /// A fault's own description is made for callers; logs get all of it.
  private func describe(_ value: Any) -> String {
    (value as? Fault)?.debugDescription ?? "\(value)"
  }

  /// Writes a whole line in one call, so that lines of several processes on one pipe do not mix.
  ///
  /// What cannot be written is dropped: a log that is not read must not stop the service.
  public static func writeToStandardError(_ line: [UInt8]) {
    StandardStream.error.write(line)
  }
}
