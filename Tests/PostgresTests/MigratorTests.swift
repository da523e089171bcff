import EventLoop
import Faults
import TestKit
import Testing

@testable import Postgres

@Suite struct MigratorTests {
  private static let first = Migration(
    name: "m0001_things",
    sql: """
      -- Several statements, some with a body of their own.
      create table shop.things (id int8 primary key, name text not null);
      create function shop.twice(n int8) returns int8 language plpgsql as $f$
      begin return n * 2; end $f$;
      insert into shop.things values (1, 'one; two');
      """
  )
  private static let second = Migration(
    name: "m0002_colour",
    sql: "alter table shop.things add column colour text"
  )

  @Test @EventLoop func `migrations are applied once, in order, and recorded`() async throws {
    try await TestDatabase.with { test in
      let applied = try await Migrator.apply(
        [MigratorTests.first],
        schema: "shop",
        configuration: test.configuration
      )
      #expect(applied == ["m0001_things"])
      let more = try await Migrator.apply(
        [MigratorTests.first, MigratorTests.second],
        schema: "shop",
        configuration: test.configuration
      )
      #expect(more == ["m0002_colour"])
      let none = try await Migrator.apply(
        [MigratorTests.first, MigratorTests.second],
        schema: "shop",
        configuration: test.configuration
      )
      #expect(none == [])
      let rows = try await test.open().read(
        "select id, name, colour, shop.twice(id) from shop.things"
      )
      #expect(
        try rows.single().values(Int.self, String.self, String?.self, Int.self) == (
          1, "one; two", nil, 2
        )
      )
    }
  }

  @Test @EventLoop func `migrators beside each other apply each step once`() async throws {
    try await TestDatabase.with { test in
      let configuration = test.configuration
      let outcomes = await withTaskGroup(of: Result<[String], Fault>.self) { group in
        for _ in 0..<5 {
          group.addTask { @EventLoop @Sendable in
            do throws(Fault) {
              return .success(
                try await Migrator.apply(
                  [MigratorTests.first, MigratorTests.second],
                  schema: "shop",
                  configuration: configuration
                )
              )
            } catch {
              return .failure(error)
            }
          }
        }
        var outcomes: [Result<[String], Fault>] = []
        for await outcome in group { outcomes.append(outcome) }
        return outcomes
      }
      let applied = try outcomes.map { try $0.get() }.filter { !$0.isEmpty }
      #expect(applied == [["m0001_things", "m0002_colour"]])
    }
  }

  @Test @EventLoop func `a failing migration changes nothing and is named`() async throws {
    try await TestDatabase.with { test in
      let broken = Migration(
        name: "m0002_broken",
        sql: "create table shop.more (a int8); insert into shop.nothing values (1);"
      )
      let fault = await #expect(throws: Fault.self) {
        try await Migrator.apply(
          [MigratorTests.first, broken],
          schema: "shop",
          configuration: test.configuration
        )
      }
      #expect(fault?.code == .failedPrecondition)
      #expect(
        fault?.message
          == #"The migration m0002_broken of shop failed: relation "shop.nothing" does not exist"#
      )
      let database = test.open()
      #expect(
        try await database.read("select to_regclass('shop.more')::text").single().value(0) == nil
          as String?
      )
      // Put right, it goes on from there.
      let applied = try await Migrator.apply(
        [MigratorTests.first, MigratorTests.second],
        schema: "shop",
        configuration: test.configuration
      )
      #expect(applied == ["m0002_colour"])
    }
  }

  @Test @EventLoop func `an edited migration is refused`() async throws {
    try await TestDatabase.with { test in
      try await Migrator.apply(
        [MigratorTests.first],
        schema: "shop",
        configuration: test.configuration
      )
      let edited = Migration(name: "m0001_things", sql: MigratorTests.first.sql + " ")
      let fault = await #expect(throws: Fault.self) {
        try await Migrator.apply([edited], schema: "shop", configuration: test.configuration)
      }
      #expect(fault?.code == .failedPrecondition)
      #expect(fault?.message.contains("m0001_things was edited") == true)
    }
  }

  /// Names of the program's steps, names of the database's, and what comes of it.
  @Test(arguments: [
    ("", "", "apply "), ("a b", "", "apply a b"), ("a b", "a", "apply b"), ("a b", "a b", "apply "),
    ("a", "a b", "refuse b, which this release does not know"),
    ("a b", "b", "refuse a comes before b"), ("a b c", "a c", "refuse b comes before c"),
    ("b", "a b", "refuse a, which this release does not know"),
  ])
  func `a history that is not the program's is refused`(
    known: String,
    applied: String,
    expected: String
  )
    throws
  {
    func migrations(_ names: String) -> [Migration] {
      names.split(separator: " ").map { Migration(name: String($0), sql: "select '\($0)'") }
    }
    do throws(Fault) {
      let plan = try MigrationPlan.make(
        migrations(known),
        applied: migrations(applied).map { AppliedMigration(name: $0.name, hash: $0.hash) }
      )
      #expect("apply \(plan.map(\.name).joined(separator: " "))" == expected)
    } catch {
      #expect(expected.hasPrefix("refuse "))
      #expect(error.message.contains(expected.dropFirst(7)))
    }
  }
}
