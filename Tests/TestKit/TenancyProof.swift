public import EventLoop
public import Faults
internal import Postgres
public import Primitives

/// Proves that one tenant can neither see nor change another's rows, table by table.
///
/// The proof does not lean on what a role is granted: in the test's database the role gets every right on
/// every table, so that nothing but row-level security stands between tenants.
@EventLoop
public struct TenancyProof {
  /// A table with rows of the owner.
  public struct Table: Sendable, Hashable {
    /// With its schema.
    public var name: String
    /// Whether row-level security is on, and forced on the table's owner as well.
    public var isForced: Bool
    /// Whether rows have an environment.
    public var hasEnvironment: Bool
    /// The columns that can be written, as a list in SQL: those that are computed cannot.
    var columns: String
  }

  /// What was found wrong, in sentences; empty when the proof holds.
  public private(set) var failures: [String] = []
  /// The tables that were examined.
  public private(set) var tables: [Table] = []

  /// Examines all tables of the schemas.
  ///
  /// - Parameters:
  ///   - test: The database, with at least one row of `owner` in each table.
  ///   - role: The service's role.
  ///   - schemas: Where to look.
  ///   - owner: Whose rows are there.
  ///   - strangers: Tenants that must see and change nothing; those of the owner's own account concern only
  ///     tables with an environment.
  ///   - unseen: Tables whose rows the role cannot see even of its own tenant.
  /// - Throws: ``Fault`` when a statement fails for another reason than row-level security.
  public init(
    _ test: TestDatabase,
    role: String,
    schemas: [String],
    owner: Tenant,
    strangers: [Tenant],
    unseen: Set<String> = []
  ) async throws(Fault) {
    let administrator = test.open()
    let service = test.open(as: role)
    tables = try await Self.tables(of: schemas, administrator)
    for table in tables {
      let copy = "proof_\(table.name.replacing(".", with: "_"))"
      for sql in [
        "grant all on \(table.name) to \(role)",
        "create table public.\(copy) as select * from \(table.name)",
        "grant usage on schema public to \(role)",
        "grant select on public.\(copy) to \(role)",
      ] {
        try await administrator.query(Query(sql: sql))
      }
      if !table.isForced { failures.append("\(table.name) does not force row-level security") }
      let count = try await Self.count(table, nil, administrator)
      if count == 0 { failures.append("\(table.name) has no row to prove anything with") }
      let own = try await Self.count(table, owner, service)
      if own == 0, !unseen.contains(table.name) {
        failures.append("\(table.name) hides the tenant's own rows")
      }
      for stranger in strangers {
        guard table.hasEnvironment || stranger.accountID != owner.accountID else { continue }
        try await examine(table, copy, stranger, service)
      }
      let left = try await Self.count(table, nil, administrator)
      if left != count { failures.append("\(table.name) has \(left) rows instead of \(count)") }
    }
  }

  private mutating func examine(
    _ table: Table,
    _ copy: String,
    _ stranger: Tenant,
    _ service: Database
  ) async throws(Fault) {
    let who = "\(stranger.accountID) \(stranger.environment.rawValue)"
    let seen = try await Self.count(table, stranger, service)
    if seen != 0 { failures.append("\(table.name) shows \(seen) rows to \(who)") }
    for verb in ["update \(table.name) set account_id = account_id", "delete from \(table.name)"] {
      let changed = try await service.query(for: stranger, Query(sql: verb)).affectedCount
      if changed != 0 { failures.append("\(who) changed \(changed) rows: \(verb)") }
    }
    do throws(Fault) {
      try await service.query(
        for: stranger,
        Query(
          sql:
            "insert into \(table.name) (\(table.columns)) select \(table.columns) from public.\(copy)"
        )
      )
      failures.append("\(who) inserted rows of another into \(table.name)")
    } catch {
      guard error.serverError?.state == .insufficientPrivilege else { throw error }
    }
  }

  private static func tables(
    of schemas: [String],
    _ administrator: Database
  ) async throws(Fault) -> [Table] {
    let rows = try await administrator.read(
      """
      select format('%s.%s', n.nspname, c.relname), c.relrowsecurity and c.relforcerowsecurity,
        exists (
          select from pg_attribute a where a.attrelid = c.oid and a.attname = 'environment'),
        (select string_agg(quote_ident(a.attname), ', ') from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any (\(schemas)) and c.relkind in ('r', 'p') and not c.relispartition
        -- These hold nothing of any tenant.
        and c.relname not in ('schema_migrations', 'sealing_floor')
      order by 1
      """
    )
    var tables: [Table] = []
    for row in rows {
      let (name, isForced, hasEnvironment, columns) = try row.values(
        String.self,
        Bool.self,
        Bool.self,
        String.self
      )
      tables.append(
        Table(name: name, isForced: isForced, hasEnvironment: hasEnvironment, columns: columns)
      )
    }
    return tables
  }

  private static func count(
    _ table: Table,
    _ tenant: Tenant?,
    _ database: Database
  ) async throws(Fault) -> Int {
    let query = Query(sql: "select count(*) from \(table.name)")
    let rows =
      if let tenant { try await database.read(for: tenant, query) } else {
        try await database.read(query)
      }
    return try rows.single().value(0)
  }
}
