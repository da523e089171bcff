public import EventLoop
public import Faults
internal import Logging

/// Brings a schema up to date.
@EventLoop
public enum Migrator {
  /// How long one migration waits for a lock: a table that is in use must not be blocked for longer, as
  /// everybody else queues up behind the one who waits.
  private static let lockLimit: Duration = .seconds(5)
  /// How long the migrator waits for another one that is at work.
  private static let turnLimit: Duration = .seconds(300)
  /// The first half of the advisory lock's key; the second is the schema's name, hashed by the server.
  private static let lockSpace: Int32 = 0x6c6b_6d67

  /// Applies the steps that a schema does not have yet, each in a transaction of its own.
  ///
  /// Several processes may do this at once: one works, and the others find nothing left to do.
  ///
  /// What was applied is recorded, with its hash, in the table `schema_migrations` of the schema, which
  /// is made when it is not there.
  ///
  /// - Parameters:
  ///   - migrations: All steps of the schema, in order of their names.
  ///   - schema: The schema's name: a fixed identifier in lower case.
  ///   - configuration: How to connect, as the role that owns the schema.
  /// - Returns: The names of the steps that were applied now.
  /// - Throws: ``Fault`` `failedPrecondition` when the database's history is not this program's, or when
  ///   a step fails, with the step's name; `unavailable` when the database cannot be reached.
  @discardableResult
  public static func apply(
    _ migrations: [Migration],
    schema: String,
    configuration: Database.Configuration
  ) async throws(Fault) -> [String] {
    precondition(
      schema.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 },
      "A schema's name is not an identifier"
    )
    let target = configuration.target.with(
      "application_name",
      "\(configuration.applicationName)-migrate"
    )
    .setting("lock_timeout", "\(lockLimit.components.seconds)s").setting("timezone", "UTC")
    let connection = try await Connection.connect(to: target, limit: configuration.connectLimit)
    defer { connection.close(.shuttingDown) }
    let session = MigrationSession(connection, schema: schema)
    try await session.takeTurn(lockSpace: lockSpace, limit: turnLimit)
    try await session.makeRecord()
    let pending = try MigrationPlan.make(migrations, applied: try await session.applied())
    let log = Logger(label: "migrations")
    for migration in pending {
      try await session.apply(migration)
      log.info(
        "Applied a migration",
        metadata: ["schema": "\(schema)", "name": "\(migration.name)"]
      )
    }
    return pending.map(\.name)
  }
}

/// One migrator's connection: its lock is the session's, and ends with it.
@EventLoop
private struct MigrationSession {
  private let connection: Connection
  private let schema: String

  init(_ connection: Connection, schema: String) {
    self.connection = connection
    self.schema = schema
  }

  func takeTurn(lockSpace: Int32, limit: Duration) async throws(Fault) {
    // Set for this statement's transaction alone: the wait for one's turn may be long.
    try await run(
      "select pg_advisory_lock(\(lockSpace), hashtext(\(schema)))",
      after: ["select set_config('lock_timeout', \("\(limit.components.seconds)s"), true)"]
    )
  }

  func makeRecord() async throws(Fault) {
    let exists = try await run(
      "select to_regclass(\("\(schema).schema_migrations")::text) is not null"
    )
    guard try !exists.single().value(0) else { return }
    // Asked for first, since `if not exists` would want the right to create even when it is there.
    let hasSchema = try await run("select to_regnamespace(\(schema)::text) is not null")
    if try !hasSchema.single().value(0) {
      try await run(Query(sql: "create schema \(schema)"))
    }
    try await run(
      Query(
        sql: """
          create table \(schema).schema_migrations (
            name text primary key,
            sha256 bytea not null,
            applied_at timestamptz not null default now()
          )
          """
      )
    )
  }

  func applied() async throws(Fault) -> [AppliedMigration] {
    let rows = try await run(
      Query(sql: "select name, sha256 from \(schema).schema_migrations order by name collate \"C\"")
    )
    var applied: [AppliedMigration] = []
    for row in rows {
      let (name, hash) = try row.values(String.self, [UInt8].self)
      applied.append(AppliedMigration(name: name, hash: hash))
    }
    return applied
  }

  func apply(_ migration: Migration) async throws(Fault) {
    do throws(Fault) {
      try await run("begin")
      try await connection.runScript(migration.sql)
      try await run(
        """
        insert into \(unescaped: schema).schema_migrations (name, sha256)
        values (\(migration.name), \(migration.hash))
        """
      )
      try await run("commit")
    } catch {
      throw Fault(
        error.code == .unavailable || error.code == .aborted ? error.code : .failedPrecondition,
        "The migration \(migration.name) of \(schema) failed: \(error.serverError?.message ?? error.message)",
        detail: error.detail,
        cause: error
      )
    }
  }

  @discardableResult
  private func run(_ query: Query, after preludes: [Query] = []) async throws(Fault) -> Rows {
    switch await connection.perform(query, after: preludes) {
    case .success(let rows): return rows.last
    case .failure(let failure): throw failure.fault
    }
  }
}

extension Migrator {
  /// Runs an administrator's SQL of any number of statements, such as what makes roles, in one
  /// transaction.
  ///
  /// - Parameters:
  ///   - script: The SQL; it records nothing, so it must do no harm when it is run again.
  ///   - configuration: How to connect, as the administrator.
  /// - Throws: ``Fault`` by the server's error (see `SQLState`); `unavailable` when the database cannot
  ///   be reached.
  public static func run(
    script: String,
    configuration: Database.Configuration
  ) async throws(Fault) {
    let connection = try await Connection.connect(
      to: configuration.session,
      limit: configuration.connectLimit
    )
    defer { connection.close(.shuttingDown) }
    try await connection.runScript(script)
  }
}
