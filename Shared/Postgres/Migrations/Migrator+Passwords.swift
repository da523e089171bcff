internal import CPQ
public import Faults

extension Migrator {
  /// Sets passwords of roles, in one transaction.
  ///
  /// The server is told by what to check a password and never the password itself, since its log may have every
  /// statement. Source: RFC 5802, section 3; PostgreSQL 15 manual, section 34.18, "PQencryptPasswordConn".
  ///
  /// - Parameters:
  ///   - passwords: The passwords by role; a role's name is a fixed identifier in lower case.
  ///   - configuration: How to connect, as somebody who may alter the roles.
  /// - Throws: ``Fault`` by the server's error (see `SQLState`), as when there is no such role; `unavailable` when the
  ///   database cannot be reached.
  public static func setPasswords(
    _ passwords: [(role: String, password: String)],
    configuration: Database.Configuration
  ) async throws(Fault) {
    let connection = try await Connection.connect(
      to: configuration.session,
      limit: configuration.connectLimit
    )
    defer { connection.close(.shuttingDown) }
    var script = ""
    for (role, password) in passwords {
      precondition(
        role.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 },
        "A role's name is not an identifier"
      )
      // Base64 and a few signs, none of which is a quote.
      let verifier = try connection.verifier(of: password, for: role)
      script += "alter role \(role) password '\(verifier)';\n"
    }
    try await connection.runScript(script)
  }
}

extension Connection {
  /// What a server keeps of a password, with a salt that is new each time.
  fileprivate func verifier(of password: String, for role: String) throws(Fault) -> String {
    guard isOpen, let handle else { throw .databaseUnavailable() }
    // With the algorithm named nothing is asked of the server.
    guard let text = PQencryptPasswordConn(handle, password, role, "scram-sha-256") else {
      throw .internalError("libpq could not make a verifier of a password: \(errorText)")
    }
    defer { PQfreemem(text) }
    return String(cString: text)
  }
}
