public import Faults

extension Database {
  /// How a ``Database`` connects and which limits it keeps.
  ///
  /// Fixed when the database is made.
  public struct Configuration: Sendable, CustomStringConvertible {
    var target: ConnectionTarget

    /// Connections on which everybody's statements are pipelined.
    ///
    /// Two by default: one works while the answers of the other are read, and each is a process of
    /// the server.
    public var sharedConnections = 2
    /// Connections that transactions lease, at most; made when needed.
    ///
    /// 8 by default.
    public var leasedConnectionsMax = 8
    /// Statements in flight on one shared connection, at most.
    ///
    /// What is beyond is refused as unavailable, since it would wait longer than its caller. 4,096
    /// by default.
    public var inFlightMax = 4_096
    /// Callers that wait for a connection, at most.
    ///
    /// 1,024 by default.
    public var waitingMax = 1_024
    /// How long a caller waits for a connection.
    ///
    /// 5 seconds by default.
    public var waitLimit: Duration = .seconds(5)
    /// How long an attempt to connect may take, names and encryption included.
    ///
    /// 3 seconds by default.
    public var connectLimit: Duration = .seconds(3)
    /// How long one statement may take at the server.
    ///
    /// 5 seconds by default.
    public var statementLimit: Duration = .seconds(5)
    /// How long one statement waits for a lock.
    ///
    /// 3 seconds by default, to end before the statement does.
    public var lockLimit: Duration = .seconds(3)
    /// How long a transaction may stay open without a statement.
    ///
    /// 10 seconds by default.
    public var idleTransactionLimit: Duration = .seconds(10)
    /// How long an idle leased connection is kept.
    ///
    /// 60 seconds by default.
    public var idleLeaseLimit: Duration = .seconds(60)
    /// What the server shows in `pg_stat_activity`.
    ///
    /// `latchkey` by default.
    public var applicationName = "latchkey"

    /// Makes a configuration from libpq's connection string, `key=value …` or a URI.
    ///
    /// Several hosts with `target_session_attrs` find the primary of a replicated server.
    ///
    /// - Parameters:
    ///   - conninfo: The connection string.
    ///   - password: The password, where it is kept apart; wins over one in the string.
    /// - Throws: ``Fault`` `invalidArgument` when it cannot be parsed.
    public init(conninfo: String, password: String? = nil) throws(Fault) {
      target = try ConnectionTarget(conninfo, password: password)
    }

    /// The hosts and the database; never the password.
    public var description: String {
      let hosts = target.hosts.map { host in
        (host.name.isEmpty ? host.address : host.name) + (host.port.isEmpty ? "" : ":\(host.port)")
      }
      let user = target.parameters["user"].map { "\($0)@" } ?? ""
      return "\(user)\(hosts.joined(separator: ","))/\(target.parameters["dbname"] ?? "")"
    }

    /// The target with this configuration's limits as settings of each session.
    var session: ConnectionTarget {
      target.with("application_name", applicationName)
        .setting("statement_timeout", "\(statementLimit.milliseconds)")
        .setting("lock_timeout", "\(lockLimit.milliseconds)")
        .setting("idle_in_transaction_session_timeout", "\(idleTransactionLimit.milliseconds)")
        .setting("timezone", "UTC")
        // Compiling a plan takes longer than any statement of a service should.
        .setting("jit", "off")
    }
  }
}

extension Duration {
  /// Whole milliseconds, as the server's settings take them; zero would mean no limit.
  fileprivate var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return max(1, seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
  }
}

extension Database.Configuration {
  /// The same server and limits with another value of a connection parameter, such as `dbname` or `user`.
  public func with(_ keyword: String, _ value: String) -> Database.Configuration {
    var copy = self
    copy.target = target.with(keyword, value)
    return copy
  }
}
