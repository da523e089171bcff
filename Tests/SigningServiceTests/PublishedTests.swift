import EventLoop
import Faults
import LatchkeyOffline
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct PublishedTests {
  @EventLoop private func keys(_ fixture: SigningFixture) async throws -> KeysDocument {
    try await fixture.gateway.getKeysDocument(
      PublishedRequest(account: fixture.tenant.accountID.description)
    )
  }

  /// Who asks gets the same bytes while nothing changes, so that they can be kept; and asking, which anybody may, costs
  /// no signature.
  @Test @EventLoop func `what is published is signed anew when it changes, and once a day`()
    async throws
  {
    try await SigningFixture.with { fixture in
      try await fixture.root()
      let first = try await keys(fixture)
      fixture.clock.advance(by: .seconds(3_600))
      #expect(try await keys(fixture) == first)
      let published = "select count(*) from changes.audit_entries where action like '%.publish'"
      #expect(try await fixture.count(Query(sql: published)) == 2)
      let license = UUID.v7()
      try await fixture.sign(license: license)
      #expect(try await keys(fixture) == first)
      try await fixture.note(license, isBarred: true)
      let second = try await keys(fixture)
      #expect(second.keysets[0].revocations != first.keysets[0].revocations)
      #expect(second.keysets[0].keyset == first.keysets[0].keyset)
      #expect(second.keysets[0].succession == first.keysets[0].succession)
      fixture.clock.advance(by: .seconds(24 * 3_600))
      let third = try await keys(fixture)
      #expect(third.keysets[0].keyset != first.keysets[0].keyset)
    }
  }

  @Test @EventLoop func `numbers of statements only grow`() async throws {
    try await SigningFixture.with { fixture in
      try await fixture.root()
      let license = UUID.v7()
      try await fixture.sign(license: license)
      var numbers: [Int] = []
      for sequence in 1...4 {
        try await fixture.note(license, isBarred: sequence % 2 == 1, sequence: Int64(sequence))
        _ = try await keys(fixture)
        numbers.append(
          try await fixture.count(
            "select number::int8 from signing.statements where kind = 'revocations'"
          )
        )
      }
      #expect(numbers == numbers.sorted() && Set(numbers).count == 4)
    }
  }

  @Test @EventLoop func `each environment has an entry of its own`() async throws {
    try await SigningFixture.with { fixture in
      try await fixture.root()
      #expect(try await keys(fixture).keysets.map(\.environment) == [.test])
      let live = Tenant(accountID: fixture.tenant.accountID, environment: .live)
      _ = try await fixture.gateway.createSigningRoot(
        CreateSigningRootRequest(),
        fixture.options(live)
      )
      let document = try await keys(fixture)
      #expect(document.keysets.map(\.environment) == [.test, .live])
      #expect(document.version == 1)
      #expect(document.accountId == fixture.tenant.accountID.description)
    }
  }

  @Test @EventLoop func `nothing is published of who has no keys, and asking makes none`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let request = PublishedRequest(account: UUID.v7().description)
      let noKeys = try await fault { try await fixture.gateway.getKeysDocument(request) }
      #expect(noKeys.code == .notFound)
      let noList = try await fault { try await fixture.gateway.getRevocationsDocument(request) }
      #expect(noList.code == .notFound)
      #expect(try await fixture.count("select count(*) from signing.keysets") == 0)
    }
  }
}
