public import EventLoop
public import Faults
public import HTTP
public import Logging
internal import Messages
internal import Metrics
public import Postgres
internal import Primitives
public import RPC
internal import TLS
public import Tracing

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

  /// The service's name.
  public let name: String
  /// The service's log.
  public let log: Logger
  /// What the process tells of itself.
  public let monitoring: Monitoring
  /// Records requests; nil where nothing is recorded.
  public let tracer: Tracer?
  /// How many processes share the work of this service on this machine, this one among them.
  public let workers: Int
  private let lifecycle: Lifecycle
  /// The sockets that a worker was handed; nil where it binds them itself.
  private let inherited: InheritedListeners?
  private var listeners: [Listener] = []
  private var databases: [Database] = []
  private var certificates: [WatchedTLSContext] = []

  init(
    name: String,
    log: Logger,
    lifecycle: Lifecycle,
    monitoring: Monitoring,
    tracer: Tracer?,
    workers: Int = 1,
    inherited: InheritedListeners? = nil
  ) {
    self.name = name
    self.log = log
    self.lifecycle = lifecycle
    self.monitoring = monitoring
    self.tracer = tracer
    self.workers = workers
    self.inherited = inherited
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
  ///   - interval: From the beginning of one round to that of the next, about; half of it at least from the end of one.
  ///   - hasLastRound: Whether a last round is done when the service stops, for what is gathered in memory.
  ///   - isOnDemand: Whether a round comes only after the task was asked for it.
  ///   - body: One round.
  /// - Returns: The task.
  @discardableResult
  public func addPeriodicTask(
    _ name: String,
    every interval: Duration,
    hasLastRound: Bool = false,
    isOnDemand: Bool = false,
    _ body: @escaping @EventLoop () async throws(Fault) -> Void
  ) -> PeriodicTask {
    let task = PeriodicTask(name, every: interval, isOnDemand: isOnDemand, log: log, body)
    lifecycle.add(name) {
      task.start()
    } stop: {
      await task.stop(withLastRound: hasLastRound)
    }
    return task
  }

  /// Adds the database.
  ///
  /// It need not be there when the service starts: health tells.
  ///
  /// - Throws: ``Fault`` when the connection string or the password file cannot be used.
  public func addDatabase(_ settings: DatabaseSettings) throws(Fault) -> Database {
    let database = Database(try settings.configuration(applicationName: name))
    databases.append(database)
    monitoring.addMetrics {
      database.collect(into: &$0)
      BatchCounts.collect(into: &$0)
    }
    addMetrics(ofCertificateFor: "database") { database.certificateExpiry }
    monitoring.addCondition("the database cannot be reached") { database.isAvailable }
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
  ///   - hosts: Where the service is; all addresses of all of them are used.
  ///   - identity: The name its certificate must have.
  ///   - rpc: The files of this service's own identity.
  ///   - service: The full name of the RPC service whose health decides which replica is called.
  ///   - isNeeded: Whether this process is of no use while the other one cannot be reached.
  /// - Returns: The channel, which connects when the first call comes.
  /// - Throws: ``Fault`` when the files cannot be used.
  public func addChannel(
    to hosts: [Endpoint],
    identity: String,
    as rpc: RPCSettings,
    healthOf service: String,
    isNeeded: Bool = false
  ) throws(Fault) -> Channel {
    let tls = try watch(rpc.files, use: .client, applicationProtocols: ["h2"])
    let channel = Channel(
      hosts: hosts.map { ($0.host, $0.port) },
      tls: tls.context,
      serverName: identity,
      healthOf: service
    )
    monitoring.addMetrics { channel.collect(into: &$0) }
    if isNeeded {
      monitoring.addCondition("\(identity) cannot be reached") { channel.isConnected }
    }
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
    server.tracer = tracer
    if log.logLevel <= .debug {
      let requests = RequestLog(service: name, level: "debug")
      server.onCallEnded = { call, code in requests.note(RequestLog.Entry(call, code: code)) }
    }
    addMetrics(ofCertificateFor: "rpc") { tls.expiry }
    monitoring.addMetrics { server.collect(into: &$0) }
    let health = HealthReporter(server.health, databases: { [unowned self] in databases })
    lifecycle.add("RPC server") { () async throws(Fault) in
      server.serve(try await self.listener(on: rpc.listen), tls: tls.context)
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
    addMetrics(ofCertificateFor: "https") { tls.expiry }
    monitoring.addMetrics { server.collect(into: &$0, as: "https") }
    lifecycle.add("HTTPS server") { () async throws(Fault) in
      server.serve(try await self.listener(on: endpoint))
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
      server.serve(try await self.listener(on: endpoint))
      self.log.info("serving HTTP", metadata: ["address": "\(endpoint)"])
    } stop: {
      await server.drain(timeout: Service.drainLimit)
    }
  }

  private func listener(on endpoint: Endpoint) async throws(Fault) -> Listener {
    let listener = try await Listener.on(endpoint, inherited: inherited)
    listeners.append(listener)
    return listener
  }

  /// Takes no further connection on any port; what is open goes on.
  func stopListening() {
    for listener in listeners { listener.stop() }
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

extension Service {
  private static let expiry = Metric(
    "latchkey_certificate_expiry_timestamp_seconds",
    .gauge,
    "When the certificate that is in use ends, in seconds since 1970, by what it is for."
  )

  /// Tells when a certificate ends, once that is known.
  private func addMetrics(
    ofCertificateFor use: String,
    _ expiry: @escaping @EventLoop () -> Timestamp?
  ) {
    monitoring.addMetrics { exposition in
      guard let end = expiry() else { return }
      exposition.add(Self.expiry, ["use": use], Int(end.seconds))
    }
  }
}

extension RequestLog.Entry {
  /// The entry of a call that is over.
  @EventLoop
  fileprivate init(_ call: Call, code: Int32) {
    self.init(
      requestID: call.requestID,
      status: call.statusName(of: code),
      nanoseconds: call.age.nanoseconds
    )
    route = call.method.path
    accountID = call.caller?.accountId
    environment = call.caller?.environment.map { $0 == .live ? "live" : "test" }
    actorID = call.caller?.actorId
    address = call.peerIdentity
    traceID = call.traceID
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
