public import Logging

/// The settings that every service has.
public struct ServiceSettings: Sendable {
  /// What only a supervisor sets.
  static let lifelineName = "LATCHKEY_LIFELINE_FD"

  /// The least severe level of log lines that are written.
  public let logLevel: Logger.Level
  /// The pipe whose end means that the supervisor is gone; nil where nobody supervises this way.
  public let lifelineDescriptor: Int32?
  /// Where metrics and probes are served, in plaintext; nil serves none.
  public let metricsListen: Endpoint?
  /// How many processes share the work of the service on this machine.
  public let workers: Int
  /// Which of them this one is; nil where nothing is shared, and of their parent.
  let worker: Worker?
  /// Where traces are sent; nil where nothing is recorded.
  public let tracing: TracingSettings?

  /// Reads them; nil when one was refused.
  public init?(_ reader: SettingsReader) {
    let level = reader.choice(
      "LATCHKEY_LOG_LEVEL",
      "the least severe level of log lines that are written",
      default: Logger.Level.info
    )
    let workers = reader.integer(
      "LATCHKEY_WORKERS",
      "how many processes share the work of the service on this machine, each of them on one core",
      default: 1,
      in: 1...Worker.countMax
    )
    metricsListen = reader.listenEndpoint(
      "LATCHKEY_METRICS_LISTEN",
      "where metrics and probes are served in plain text, never to be published; none are without it",
      isOptional: true
    )
    tracing = TracingSettings(reader)
    lifelineDescriptor = reader.integer(
      ServiceSettings.lifelineName,
      "the descriptor of a pipe whose end stops the service: a supervisor holds the other one",
      isOptional: true,
      in: 3...1023
    ).map { Int32($0) }
    worker = Worker(reader)
    guard let level, let workers else { return nil }
    logLevel = level
    self.workers = workers
  }
}

/// How a service is reached by RPC, and as whom it appears there.
public struct RPCSettings: Sendable {
  /// Where the RPC server listens.
  public let listen: Endpoint
  /// The identity for both directions: what is presented to callers and to services that are called.
  public let files: TLSFiles

  /// Reads them, all mandatory; nil when one was refused.
  public init?(_ reader: SettingsReader) {
    let listen = reader.listenEndpoint(
      "LATCHKEY_RPC_LISTEN",
      "where other services call this one"
    )
    let certificate = reader.readableFile(
      "LATCHKEY_RPC_CERT_FILE",
      "the certificate (PEM) for calls between services; its DNS name is the service's identity"
    )
    let key = reader.secretFile(
      "LATCHKEY_RPC_KEY_FILE",
      "the private key (PEM) of that certificate"
    )
    let authorities = reader.readableFile(
      "LATCHKEY_RPC_CA_FILE",
      "the authorities (PEM) that certificates of other services must come from"
    )
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

  /// Who logs in.
  public enum Purpose: Sendable {
    /// The service's own role.
    case service
    /// The role that owns the schemas, for the sub-command `migrate` alone.
    case migration
  }

  /// Reads them, both mandatory; nil when one was refused.
  public init?(_ reader: SettingsReader, _ purpose: Purpose = .service) {
    let url: String?
    let passwordFile: String?
    switch purpose {
    case .service:
      url = reader.databaseURL(
        "LATCHKEY_DATABASE_URL",
        "the database: a libpq connection string or URI without a password"
      )
      passwordFile = reader.secretFile(
        "LATCHKEY_DATABASE_PASSWORD_FILE",
        "the password of the service's role"
      )
    case .migration:
      url = reader.databaseURL(
        "LATCHKEY_MIGRATION_DATABASE_URL",
        "the database, as the role that owns the schemas"
      )
      passwordFile = reader.secretFile(
        "LATCHKEY_MIGRATION_DATABASE_PASSWORD_FILE",
        "the password of that role"
      )
    }
    guard let url, let passwordFile else { return nil }
    self.url = url
    self.passwordFile = passwordFile
  }
}
