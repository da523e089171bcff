public import Logging

/// The settings that every service has.
public struct ServiceSettings: Sendable {
  /// The least severe level of log lines that are written.
  public let logLevel: Logger.Level
  /// The pipe whose end means that the supervisor is gone; nil where nobody supervises this way.
  public let lifelineDescriptor: Int32?
  /// Where metrics and probes are served, in plaintext; nil serves none.
  public let metricsListen: Endpoint?
  /// Where traces are sent; nil where nothing is recorded.
  public let tracing: TracingSettings?

  /// Reads `LATCHKEY_LOG_LEVEL` (default `info`), `LATCHKEY_LIFELINE_FD` (optional), `LATCHKEY_METRICS_LISTEN`
  /// (optional) and ``TracingSettings``.
  ///
  /// Nil when one was refused.
  public init?(_ reader: SettingsReader) {
    let level = reader.choice("LATCHKEY_LOG_LEVEL", default: Logger.Level.info)
    var descriptor: Int?
    if reader.isSet("LATCHKEY_LIFELINE_FD") {
      descriptor = reader.integer("LATCHKEY_LIFELINE_FD", in: 3...1023)
      guard descriptor != nil else { return nil }
    }
    metricsListen =
      reader.isSet("LATCHKEY_METRICS_LISTEN") ? reader.endpoint("LATCHKEY_METRICS_LISTEN") : nil
    tracing = TracingSettings(reader)
    guard let level else { return nil }
    logLevel = level
    lifelineDescriptor = descriptor.map { Int32($0) }
  }
}

/// How a service is reached by RPC, and as whom it appears there.
public struct RPCSettings: Sendable {
  /// Where the RPC server listens.
  public let listen: Endpoint
  /// The identity for both directions: what is presented to callers and to services that are called.
  public let files: TLSFiles

  /// Reads `LATCHKEY_RPC_LISTEN`, `LATCHKEY_RPC_CERT_FILE`, `LATCHKEY_RPC_KEY_FILE` and
  /// `LATCHKEY_RPC_CA_FILE`, all mandatory.
  ///
  /// Nil when one was refused.
  public init?(_ reader: SettingsReader) {
    let listen = reader.endpoint("LATCHKEY_RPC_LISTEN")
    let certificate = reader.readableFile("LATCHKEY_RPC_CERT_FILE")
    let key = reader.readableFile("LATCHKEY_RPC_KEY_FILE")
    let authorities = reader.readableFile("LATCHKEY_RPC_CA_FILE")
    guard let listen, let certificate, let key, let authorities else { return nil }
    self.listen = listen
    files = TLSFiles(certificate: certificate, key: key, authorities: authorities)
  }
}

/// How a service, or its migrations, reach the database.
public struct DatabaseSettings: Sendable {
  /// A libpq connection string without a password.
  public let url: String
  /// The file that holds the password.
  public let passwordFile: String

  /// What the names of these settings begin with.
  public enum Purpose: String, Sendable {
    /// The service's own role.
    case service = "LATCHKEY_DATABASE"
    /// The role that owns the schemas, for the sub-command `migrate` alone.
    case migration = "LATCHKEY_MIGRATION_DATABASE"

    var urlName: String { rawValue + "_URL" }
    var passwordFileName: String { rawValue + "_PASSWORD_FILE" }
  }

  /// Reads `..._URL` and `..._PASSWORD_FILE`, both mandatory.
  ///
  /// Nil when one was refused.
  public init?(_ reader: SettingsReader, _ purpose: Purpose = .service) {
    let url = reader.databaseURL(purpose.urlName)
    let passwordFile = reader.readableFile(purpose.passwordFileName)
    guard let url, let passwordFile else { return nil }
    self.url = url
    self.passwordFile = passwordFile
  }
}
