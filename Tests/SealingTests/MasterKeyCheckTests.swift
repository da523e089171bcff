import Cryptography
import EventLoop
import Faults
import Postgres
import Primitives
import TestKit
import Testing

@testable import Sealing

@Suite(.onLoop) struct MasterKeyCheckTests {
  @EventLoop
  private func check(_ fixture: SealingFixture, _ masterKeys: MasterKeys) async throws(Fault) {
    let check = MasterKeyCheck(
      database: fixture.database,
      schema: SealingFixture.schema,
      file: "/etc/latchkey/master-keys"
    )
    try await check.require(masterKeys)
  }

  @Test @EventLoop func `any keys fit an empty database`() async throws {
    try await SealingFixture.with { fixture in try await check(fixture, .random()) }
  }

  @Test @EventLoop func `a version that is missing is named`() async throws {
    try await SealingFixture.with { fixture in
      try await fixture.add("secret")
      try fixture.addMasterKey()
      let other = Tenant(accountID: .v7(), environment: .live)
      try await fixture.add("secret", other)
      try await check(fixture, fixture.masterKeys)
      let fault = try await fault {
        try await check(fixture, try fixture.masterKeys.removing(version: 1))
      }
      #expect(fault.code == .failedPrecondition)
      #expect(fault.message.contains("it lacks version 1, which wraps 1 data key"))
      #expect(fault.message.contains("/etc/latchkey/master-keys"))
      #expect(!fault.message.contains("version 2"))
    }
  }

  @Test @EventLoop func `another key under the same number is told apart`() async throws {
    try await SealingFixture.with { fixture in
      try await fixture.add("secret")
      let fault = try await fault { try await check(fixture, .random()) }
      #expect(fault.code == .failedPrecondition)
      #expect(fault.message.contains("its version 1 is not the key that wraps 1 data key"))
    }
  }

  /// One broken row must not keep a whole service from starting.
  @Test @EventLoop func `a damaged data key among others is no fault of the master key`()
    async throws
  {
    try await SealingFixture.with { fixture in
      for _ in 0..<3 { try await fixture.add("s", Tenant(accountID: .v7(), environment: .test)) }
      try await fixture.administrator.query(
        """
        update licenses.data_keys set wrapped_key = set_byte(wrapped_key, 40, 255 - get_byte(wrapped_key, 40))
        where account_id = (select max(account_id::text)::uuid from licenses.data_keys)
        """
      )
      try await check(fixture, fixture.masterKeys)
    }
  }
}
