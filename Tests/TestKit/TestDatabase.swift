public import EventLoop
public import Faults
public import Postgres

/// A database of a test's own: with the schemas it asks for, without rows, and gone afterwards.
///
/// Migrations are applied once a run, to a template that each test gets a copy of.
@EventLoop
public final class TestDatabase {
  /// A schema and the steps that make it.
  public struct Schema: Sendable {
    /// The schema's name.
    public var name: String
    /// Its migrations, in order.
    public var migrations: [Migration]

    /// Names a schema.
    public init(_ name: String, _ migrations: [Migration]) {
      self.name = name
      self.migrations = migrations
    }
  }

  /// The database's name.
  public let name: String
  /// How to connect as the superuser, whom row-level security does not hold back.
  public let configuration: Database.Configuration
  private var opened: [Database] = []

  private init(name: String, configuration: Database.Configuration) {
    self.name = name
    self.configuration = configuration
  }

  /// Runs `body` with a new database, and drops the database however it ends.
  ///
  /// - Throws: What `body` throws; ``Fault`` when there is no server or a migration fails.
  public static func with<T>(
    _ schemas: Schema...,
    body: @EventLoop (TestDatabase) async throws -> T
  ) async throws -> T {
    let database = try await make(schemas)
    do {
      let result = try await body(database)
      await database.drop()
      return result
    } catch {
      await database.drop()
      throw error
    }
  }

  /// Makes a database; the caller drops it.
  public static func make(_ schemas: [Schema] = []) async throws(Fault) -> TestDatabase {
    let server = try TestServer.configuration()
    let template = try await TestTemplate.shared.name(for: schemas, on: server)
    let name = "test_\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    try await Administrator.query("create database \(name) template \(template)", on: server)
    return TestDatabase(name: name, configuration: server.with("dbname", name))
  }

  /// A started client of the database, closed when it is dropped.
  ///
  /// - Parameters:
  ///   - role: Who to connect as, such as `latchkey_licenses`; the superuser by default.
  ///   - adjust: Changes limits.
  /// - Returns: The client.
  public func open(
    as role: String? = nil,
    _ adjust: (inout Database.Configuration) -> Void = { _ in }
  ) -> Database {
    var configuration = configuration
    if let role { configuration = configuration.with("user", role) }
    adjust(&configuration)
    let database = Database(configuration)
    database.start()
    opened.append(database)
    return database
  }

  /// Closes all clients and drops the database.
  public func drop() async {
    for database in opened { await database.close(within: .milliseconds(100)) }
    opened = []
    // A failure leaves it to the end of the run, when the whole server is thrown away.
    try? await Administrator.query(
      "drop database if exists \(name) with (force)",
      on: configuration
    )
  }
}

/// The templates of this run, by what is in them.
@EventLoop
private final class TestTemplate {
  static let shared = TestTemplate()

  /// Templates that are ready or being made, so that tests beside each other wait for one making.
  private var making: [String: Task<Result<String, Fault>, Never>] = [:]

  func name(
    for schemas: [TestDatabase.Schema],
    on server: Database.Configuration
  ) async throws(Fault) -> String {
    if schemas.isEmpty { return "template1" }
    let content = schemas.map { schema in
      schema.name + ":" + schema.migrations.map { "\($0.name)\n\($0.sql)" }.joined(separator: "\n")
    }.joined(separator: "\n\n")
    let task =
      making[content]
      ?? EventLoop.spawn {
        do throws(Fault) {
          return .success(try await TestTemplate.make(schemas, content: content, on: server))
        } catch {
          return .failure(error)
        }
      }
    making[content] = task
    return try await task.value.get()
  }

  /// Makes a template under a lock, since other test processes may use the same server.
  private static func make(
    _ schemas: [TestDatabase.Schema],
    content: String,
    on server: Database.Configuration
  ) async throws(Fault) -> String {
    let name = "template_\(fingerprint(content))"
    let roles = try TestServer.repositoryFile("Services/Latchkey/Core/Bootstrap/roles.sql")
    let rights = try TestServer.repositoryFile("Services/Latchkey/Core/Bootstrap/database.sql")
    let database = Database(server)
    database.start()
    do throws(Fault) {
      try await database.transaction(for: nil) { (lock) throws(Fault) in
        try await lock.query("set local idle_in_transaction_session_timeout = 0")
        try await lock.query("select pg_advisory_xact_lock(\(Int64(0x6c6b_7465_7374)))")
        let known = try await database.read("select 1 from pg_database where datname = \(name)")
        if !known.isEmpty { return }
        // Built under another name, so that a template that bears its name is always complete.
        let draft = "\(name)_draft"
        try await Administrator.query("drop database if exists \(draft) with (force)", on: server)
        try await Administrator.query("create database \(draft)", on: server)
        try await Migrator.run(script: roles, configuration: server)
        try await Migrator.run(script: rights, configuration: server.with("dbname", draft))
        let migrator = server.with("dbname", draft).with("user", "latchkey_migrator")
        for schema in schemas {
          try await Migrator.apply(
            schema.migrations,
            schema: schema.name,
            configuration: migrator
          )
        }
        try await Administrator.query("alter database \(draft) rename to \(name)", on: server)
      }
    } catch {
      await database.close(within: .zero)
      throw error
    }
    await database.close(within: .zero)
    return name
  }

  /// FNV-1a: tells the few templates of one run apart.
  private static func fingerprint(_ text: String) -> String {
    let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 36)
  }
}

/// Statements of the superuser in the server's own database.
@EventLoop
private enum Administrator {
  /// Runs one statement, such as CREATE DATABASE, that no transaction block may hold.
  static func query(_ sql: String, on server: Database.Configuration) async throws(Fault) {
    var configuration = server.with("dbname", "postgres")
    configuration.sharedConnections = 1
    // Copies of a template are made one after the other.
    configuration.statementLimit = .seconds(60)
    let database = Database(configuration)
    database.start()
    do throws(Fault) {
      try await database.query(Query(sql: sql))
    } catch {
      await database.close(within: .zero)
      throw error
    }
    await database.close(within: .zero)
  }
}
