import EventLoop
import Faults
import Postgres
import Primitives
import TestKit
import Testing

/// Every type, sent to the server as a parameter, compared there with the server's own text form, and
/// read back.
@Suite struct ValueTests {
  @Test @EventLoop func `parts of a statement bring their parameters along`() async throws {
    let database = Database(try TestServer.configuration())
    database.start()
    let none: String? = nil
    let parts: [Query] = [
      "", "and b = \("two")", "and b = \("two") and c is not distinct from \(none) and d = \(4)",
    ]
    for part in parts {
      let nested: Query = "a = \(1 as Int32) \(part)"
      let rows = try await database.query(
        """
        select \("first")::text, count(*)
        from (values (1, 'two', null::text, 4::bigint), (2, 'two', null, 4)) t (a, b, c, d)
        where \(nested) and \("last")::text = 'last'
        """
      )
      let (first, count) = try rows.single().values(String.self, Int.self)
      #expect(first == "first")
      #expect(count == 1)
    }
    await database.close(within: .zero)
  }

  @Test @EventLoop func `every type survives the way to the server and back`() async throws {
    let database = Database(try TestServer.configuration())
    database.start()
    func check<T: PostgresEncodable & PostgresDecodable & Equatable>(
      _ value: T,
      _ type: String,
      _ text: String?
    ) async throws {
      let rows = try await database.query(
        "select v, v::text from (select \(value)::\(unescaped: type)) as t(v)"
      )
      let (read, shown) = try rows.single().values(T.self, String?.self)
      #expect(read == value, "\(type)")
      #expect(shown == text, "\(type)")
    }
    try await check(true, "bool", "true")
    try await check(false, "bool", "false")
    try await check(Int16.min, "int2", "-32768")
    try await check(Int32.max, "int4", "2147483647")
    try await check(Int64.min, "int8", "-9223372036854775808")
    try await check(Int.max, "int8", "9223372036854775807")
    try await check(-0.5, "float8", "-0.5")
    try await check("", "text", "")
    try await check("a 'quoted' \u{1F511} text", "text", "a 'quoted' \u{1F511} text")
    try await check("short", "varchar(10)", "short")
    try await check([UInt8](), "bytea", "\\x")
    try await check([0, 255, 1] as [UInt8], "bytea", "\\x00ff01")
    let id = UUID(high: 0x0198_c1e2_7a10_7cc3, low: 0x98c4_dc0c_0c07_398f)
    try await check(id, "uuid", "0198c1e2-7a10-7cc3-98c4-dc0c0c07398f")
    try await check(Timestamp(milliseconds: 0), "timestamptz", nil ?? "1970-01-01 00:00:00+00")
    try await check(
      Timestamp(milliseconds: 1_768_473_000_123),
      "timestamptz",
      "2026-01-15 10:30:00.123+00"
    )
    try await check(Timestamp(milliseconds: -1), "timestamptz", "1969-12-31 23:59:59.999+00")
    try await check(Timestamp(milliseconds: .max), "timestamptz", "infinity")
    try await check(Timestamp(milliseconds: .min), "timestamptz", "-infinity")
    try await check(JSONB(text: Array(#"{"a": [1, null]}"#.utf8)), "jsonb", #"{"a": [1, null]}"#)
    try await check(Environment.live, "text", "live")
    await database.close()
  }

  @Test @EventLoop func `arrays keep order, emptiness and nulls`() async throws {
    let database = Database(try TestServer.configuration())
    database.start()
    func check<T: PostgresEncodable & PostgresDecodable & Equatable>(
      _ value: T,
      _ type: String,
      _ text: String
    ) async throws {
      let rows = try await database.query(
        "select v, v::text from (select \(value)::\(unescaped: type)) as t(v)"
      )
      let (read, shown) = try rows.single().values(T.self, String.self)
      #expect(read == value, "\(type)")
      #expect(shown == text, "\(type)")
    }
    try await check([Int](), "int8[]", "{}")
    try await check([1, -2, 3], "int8[]", "{1,-2,3}")
    try await check([Int32(7)], "int4[]", "{7}")
    try await check([Int16(7)], "int2[]", "{7}")
    try await check([true, false], "bool[]", "{t,f}")
    try await check([0.5], "float8[]", "{0.5}")
    try await check(["a", "", "null", "b,c"], "text[]", #"{a,"","null","b,c"}"#)
    try await check(["a", nil, "c"] as [String?], "text[]", "{a,NULL,c}")
    try await check([nil, nil] as [Int?], "int8[]", "{NULL,NULL}")
    try await check([[1, 2], [], [255]] as [[UInt8]], "bytea[]", #"{"\\x0102","\\x","\\xff"}"#)
    try await check([nil, [1]] as [[UInt8]?], "bytea[]", #"{NULL,"\\x01"}"#)
    try await check(
      [UUID(high: 0, low: 1)],
      "uuid[]",
      "{00000000-0000-0000-0000-000000000001}"
    )
    try await check(
      [Timestamp(milliseconds: 0)],
      "timestamptz[]",
      #"{"1970-01-01 00:00:00+00"}"#
    )
    await database.close()
  }

  @Test @EventLoop func `null is read as an optional and nothing else`() async throws {
    let database = Database(try TestServer.configuration())
    database.start()
    let row = try await database.query("select \(nil as Int?)::int8, \(nil as String?)::text")
      .single()
    #expect(try row.values(Int?.self, String?.self) == (nil, nil))
    #expect(throws: Fault.self) { let _: Int = try row.value(0) }
    await database.close()
  }

  @Test @EventLoop func `a column is never read as another type`() async throws {
    let database = Database(try TestServer.configuration())
    database.start()
    let row = try await database.query("select 1::int4, 'a'::text, 70000::int8, now()").single()
    #expect(try row.value(0) as Int == 1)
    #expect(throws: Fault.self) { let _: String = try row.value(0) }
    #expect(throws: Fault.self) { let _: Int = try row.value(1) }
    #expect(throws: Fault.self) { let _: UUID = try row.value(1) }
    #expect(throws: Fault.self) { let _: Int16 = try row.value(2) }
    #expect(throws: Fault.self) { let _: Bool = try row.value(3) }
    #expect(throws: Fault.self) { let _: Int = try row.value(4) }
    #expect(throws: Fault.self) { try row.values(Int.self) }
    await database.close()
  }

  @Test @EventLoop func `text fits enums, and a NUL in it is refused as input`() async throws {
    try await TestDatabase.with { test in
      let database = test.open()
      try await database.query("create type mood as enum ('good', 'bad')")
      try await database.query("create table t (m mood, v varchar(3), n int4)")
      try await database.query("insert into t values (\("good"), \("abc"), \(5))")
      let row = try await database.read("select m, v, n from t where m = \("good")").single()
      #expect(try row.values(String.self, String.self, Int.self) == ("good", "abc", 5))
      let fault = await #expect(throws: Fault.self) {
        try await database.query("insert into t (v) values (\("a\0b"))")
      }
      #expect(fault?.code == .invalidArgument)
      let long = await #expect(throws: Fault.self) {
        try await database.query("insert into t (v) values (\("secret"))")
      }
      #expect(long?.code == .invalidArgument)
      #expect(!String(reflecting: long).contains("secret"))
    }
  }

  @Test func `a query numbers its parameters and shows no value`() {
    let query: Query = "select \(1), \("secret") from \(unescaped: "t") where a = \(nil as Int?)"
    #expect(query.sql == "select $1, $2 from t where a = $3")
    #expect("\(query)" == query.sql)
    #expect(!String(reflecting: query.description).contains("secret"))
  }
}
