import Cryptography
import EventLoop
import Faults
import Glibc
import Postgres
import Primitives
import TestKit
import Testing

/// Passwords and encryption, against a server that asks for both.
@Suite struct EncryptionTests {
  @Test @EventLoop func `a password is proved over TLS, and the server's certificate is checked`()
    async throws
  {
    let server = try await PrivateServer.start()
    let authorityPath = "/tmp/latchkey-authority-\(UInt64.random(in: 0 ... .max))"
    defer { unlink(authorityPath) }
    let port = try await secure(server, trusted: authorityPath)

    func connect(_ host: String, password: String) async -> Fault? {
      do throws(Fault) {
        let database = Database(
          try Database.Configuration(
            conninfo: """
              host=\(host) port=\(port) dbname=postgres user=guarded sslmode=verify-full \
              sslrootcert=\(authorityPath)
              """,
            password: password
          )
        )
        database.start()
        let row = try await database.read(
          "select ssl, current_user::text from pg_stat_ssl where pid = pg_backend_pid()"
        ).single()
        #expect(try row.values(Bool.self, String.self) == (true, "guarded"))
        // What an alert goes by: the server's is valid for a day.
        let left = database.certificateExpiry.map { $0.seconds - Timestamp.now().seconds } ?? 0
        #expect((1...86_400).contains(left))
        let large: String = try await database.read("select repeat('x', 3000000)").single().value(0)
        #expect(large.utf8.count == 3_000_000)
        await database.close()
        return nil
      } catch {
        return error
      }
    }
    #expect(await connect("localhost", password: "correct horse") == nil)
    let wrong = await connect("localhost", password: "hunter2")
    #expect(wrong?.code == .unavailable)
    #expect(wrong?.detail?.contains("password authentication failed") == true)
    #expect(!String(reflecting: wrong).contains("hunter2"))
    let misnamed = await connect("127.0.0.1", password: "correct horse")
    #expect(misnamed?.detail?.contains("does not match host name") == true)
    await server.stop()
  }

  /// Whoever may read the server's log could come in by a password that stands in it.
  @Test @EventLoop func `a password that is set is in no log of the server`() async throws {
    let server = try await PrivateServer.start()
    let configuration = server.configuration.with(
      "options",
      "-c log_statement=all -c log_min_messages=notice"
    )
    let administrator = Database(configuration)
    administrator.start()
    try await administrator.query("create role guarded login")
    try await Migrator.setPasswords([("guarded", "correct horse")], configuration: configuration)
    // A statement that is refused is logged with the refusal.
    let fault = await #expect(throws: Fault.self) {
      try await Migrator.setPasswords([("nobody", "battery staple")], configuration: configuration)
    }
    #expect(fault?.serverError?.state == SQLState("42704"))
    let log: String = try await administrator.query(
      "select pg_read_file(current_setting('unix_socket_directories') || '/server.log')"
    ).single().value(0)
    #expect(log.contains("alter role guarded password 'SCRAM-SHA-256$4096:"))
    #expect(log.contains(#"role "nobody" does not exist"#))
    for secret in ["correct horse", "battery staple"] { #expect(!log.contains(secret)) }
    await administrator.close()
    await server.stop()
  }

  /// Has the server demand TLS and a password of the role `guarded` on loopback.
  @EventLoop private func secure(_ server: PrivateServer, trusted path: String) async throws -> Int
  {
    let authority = try CertificateAuthority.make(commonName: "Test", days: 1)
    let issued = try authority.issue(
      commonName: "localhost",
      names: [.dns("localhost")],
      usage: .server,
      days: 1
    )
    let file = fopen(path, "w")
    _ = authority.certificatePEM.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    fclose(file)

    let administrator = Database(server.configuration)
    administrator.start()
    func write(_ bytes: [UInt8], to name: String) async throws {
      let text = Base64.encode(bytes)
      try await administrator.query(
        Query(sql: "copy (select '\(text)') to program 'base64 -d >\(name) && chmod 600 \(name)'")
      )
    }
    // Relative to the data folder, where the server runs.
    try await write(issued.chainPEM, to: "server.crt")
    try await write(issued.privateKeyPEM.copy(), to: "server.key")
    try await write(
      Array("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n".utf8),
      to: "pg_hba.conf"
    )
    try await administrator.query("alter system set ssl = on")
    try await administrator.query("create role guarded login")
    try await Migrator.setPasswords(
      [("guarded", "correct horse")],
      configuration: server.configuration
    )
    try await administrator.query("select pg_reload_conf()")
    let port: Int = try await administrator.query("select current_setting('port')::int4").single()
      .value(0)
    await administrator.close()
    return port
  }

  @Test @EventLoop func `a primary that was demoted is left for the one that took over`()
    async throws
  {
    try await TestDatabase.with { test in
      var configuration = test.configuration.with("target_session_attrs", "read-write")
      configuration.sharedConnections = 1
      let database = Database(configuration)
      database.start()
      try await database.query("create table t (a int8)")
      try await database.query("select set_config('default_transaction_read_only', 'on', false)")
      let fault = await #expect(throws: Fault.self) {
        try await database.query("insert into t values (1)")
      }
      #expect(fault?.code == .unavailable)
      // The session is gone, and the next one may write.
      try await database.query("insert into t values (2)")
      #expect(try await database.read("select a from t").single().value(0) == 2)
      await database.close()
    }
  }
}
