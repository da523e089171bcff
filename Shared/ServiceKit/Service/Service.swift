public import EventLoop
public import Faults
public import HTTP
public import Logging
public import Postgres
public import RPC
internal import TLS

/// A service being put together: where its parts come from and where they are started and stopped.
///
/// Parts start in the order in which they are added and stop in reverse. The RPC server is added last:
/// it stops first, says that it is not serving, lets its calls end, and only then the parts that those
/// calls use are stopped.
@EventLoop
public final class Service {
  /// How long open calls may take to end after a stop was asked for; longer than any deadline that
  /// clients of the public API wait for.
  public static let drainLimit = Duration.seconds(15)
  /// How often the health of the service is compared with that of its database.
  static let healthInterval = Duration.milliseconds(200)

  /// The service's name.
  public let name: String
  /// The settings, to be read once.
  public let settings: SettingsReader
  /// The service's log.
  public let log: Logger
  private let lifecycle: Lifecycle
  private var databases: [Database] = []
  private var certificates: [WatchedTLSContext] = []

  init(name: String, settings: SettingsReader, log: Logger, lifecycle: Lifecycle) {
    self.name = name
    self.settings = settings
    self.log = log
    self.lifecycle = lifecycle
  }

  /// Adds a part that has no method of its own here.
  public func add(
    _ name: String,
    start: @escaping @EventLoop () async throws(Fault) -> Void,
    stop: @escaping @EventLoop () async -> Void
  ) {
    lifecycle.add(name, start: start, stop: stop)
  }

  /// Adds work that is done again and again.
  ///
  /// - Parameters:
  ///   - name: What logs call it.
  ///   - interval: From the end of one round to the beginning of the next.
  ///   - hasLastRound: Whether a last round is done when the service stops, for what is gathered in memory.
  ///   - body: One round.
  public func addPeriodicTask(
    _ name: String,
    every interval: Duration,
    hasLastRound: Bool = false,
    _ body: @escaping @EventLoop () async throws(Fault) -> Void
  ) {
    let task = PeriodicTask(name, every: interval, log: log, body)
    lifecycle.add(name) {
      task.start()
    } stop: {
      await task.stop(withLastRound: hasLastRound)
    }
  }

  /// Adds the database.
  ///
  /// It need not be there when the service starts: health tells.
  ///
  /// - Throws: ``Fault`` when the connection string or the password file cannot be used.
  public func addDatabase(_ settings: DatabaseSettings) throws(Fault) -> Database {
    let database = Database(try settings.configuration(applicationName: name))
    databases.append(database)
    lifecycle.add("database") {
      database.start()
    } stop: {
      await database.close()
    }
    return database
  }

  /// Adds a channel to another service.
  ///
  /// - Parameters:
  ///   - endpoint: Where the service is; all addresses of the name are used.
  ///   - identity: The name its certificate must have.
  ///   - rpc: The files of this service's own identity.
  /// - Returns: The channel, which connects when the first call comes.
  /// - Throws: ``Fault`` when the files cannot be used.
  public func addChannel(
    to endpoint: Endpoint,
    identity: String,
    as rpc: RPCSettings
  ) throws(Fault) -> Channel {
    let tls = try watch(rpc.files, use: .client, applicationProtocols: ["h2"])
    let channel = Channel(
      host: endpoint.host,
      port: endpoint.port,
      tls: tls.context,
      serverName: identity
    )
    lifecycle.add("channel to \(identity)") {
    } stop: {
      channel.close()
      tls.stop()
    }
    return channel
  }

  /// Adds the RPC server, with mutual TLS.
  ///
  /// Services are registered on what this returns.
  ///
  /// - Parameters:
  ///   - rpc: Where it listens, and as whom it appears.
  ///   - trusted: The identities whose word about who is behind a call is taken.
  /// - Returns: The server, which begins to listen when the service starts.
  /// - Throws: ``Fault`` when the files cannot be used.
  public func addRPCServer(
    _ rpc: RPCSettings,
    trusting trusted: Set<String>
  ) throws(Fault) -> RPCServer {
    let tls = try watch(rpc.files, use: .server, applicationProtocols: ["h2"])
    let server = RPCServer(access: .identities(tellsCaller: trusted))
    server.onConnectionFailure = { [log] fault in
      log.debug("a connection failed in its handshake", error: fault)
    }
    let health = HealthReporter(server.health, databases: { [unowned self] in databases })
    lifecycle.add("RPC server") { () async throws(Fault) in
      server.serve(try await Listener(rpc.listen), tls: tls.context)
      health.start()
      self.log.info("serving RPC", metadata: ["address": "\(rpc.listen)"])
    } stop: {
      health.stop()
      await server.drain(timeout: Service.drainLimit)
      tls.stop()
    }
    return server
  }

  /// Adds the HTTPS server that users call, over HTTP/1.1 and HTTP/2.
  ///
  /// - Parameters:
  ///   - endpoint: Where it listens.
  ///   - files: The certificates that users see and their keys.
  ///   - limits: What a peer may use.
  ///   - handler: Answers the requests.
  /// - Throws: ``Fault`` when the files cannot be used.
  public func addHTTPSServer(
    _ endpoint: Endpoint,
    files: TLSFiles,
    limits: HTTPLimits = HTTPLimits(),
    handler: any RequestHandler
  ) throws(Fault) {
    let tls = try watch(files, use: .server, applicationProtocols: ["h2", "http/1.1"])
    let server = HTTPServer(handler: handler, limits: limits, tls: tls.context)
    server.onFailure = { [log] fault in
      log.debug("a connection failed in its handshake", error: fault)
    }
    lifecycle.add("HTTPS server") { () async throws(Fault) in
      server.serve(try await Listener(endpoint))
      self.log.info("serving HTTPS", metadata: ["address": "\(endpoint)"])
    } stop: {
      await server.drain(timeout: Service.drainLimit)
      tls.stop()
    }
  }

  /// Adds a server of HTTP/1.1 without TLS, for what is public or stays on the machine.
  ///
  /// - Parameters:
  ///   - endpoint: Where it listens.
  ///   - handler: Answers the requests.
  public func addHTTPServer(_ endpoint: Endpoint, handler: any RequestHandler) {
    let server = HTTPServer(handler: handler, tls: nil, plaintextProtocol: .http1)
    lifecycle.add("HTTP server") { () async throws(Fault) in
      server.serve(try await Listener(endpoint))
      self.log.info("serving HTTP", metadata: ["address": "\(endpoint)"])
    } stop: {
      await server.drain(timeout: Service.drainLimit)
    }
  }

  /// Loads changed certificates at once, on SIGHUP; without it they are seen within ``WatchedTLSContext/pollInterval``.
  func reload() {
    for one in certificates { one.reloadIfChanged() }
  }

  private func watch(
    _ files: TLSFiles,
    use: TLSFiles.Use,
    applicationProtocols: [String]
  ) throws(Fault) -> WatchedTLSContext {
    let context = try WatchedTLSContext(
      files,
      use: use,
      applicationProtocols: applicationProtocols,
      log: log
    )
    certificates.append(context)
    return context
  }
}

extension DatabaseSettings {
  /// The database's configuration, with the password from its file.
  ///
  /// - Throws: ``Fault`` when the file cannot be read or the connection string cannot be parsed.
  func configuration(applicationName: String) throws(Fault) -> Database.Configuration {
    var configuration = try Database.Configuration(
      conninfo: url,
      password: SettingsFile.readLine(passwordFile)
    )
    configuration.applicationName = "latchkey-\(applicationName)"
    return configuration
  }
}

extension Listener {
  /// Listens on an endpoint: the first address that its host resolves to.
  convenience init(_ endpoint: Endpoint) async throws(Fault) {
    let addresses = try await EventLoop.resolve(host: endpoint.host, port: endpoint.port)
    guard let address = addresses.first else {
      throw .unavailable("\(endpoint.host) has no address to listen on")
    }
    try self.init(address)
  }
}
