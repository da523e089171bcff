import Faults
import Protobuf
import TestMessages
import Testing

@Suite struct ValidationTests {
  /// A change of a message that is good otherwise, and what is said of the result.
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout Constrained) -> Void
    let expected: [String]

    init(
      _ what: String,
      _ change: @escaping @Sendable (inout Constrained) -> Void,
      _ expected: [String]
    ) {
      testDescription = what
      self.change = change
      self.expected = expected
    }
  }

  static let rows: [Row] = [
    Row("nothing", { _ in }, []),
    Row("name too short", { $0.name = "a" }, ["name too_small"]),
    Row("name of two code points in four bytes", { $0.name = "ÄÖ" }, []),
    Row("name of one code point in four bytes", { $0.name = "\u{1F600}" }, ["name too_small"]),
    Row("name of five code points", { $0.name = "äöüßé" }, []),
    Row("name of six code points", { $0.name = "äöüßéx" }, ["name too_big"]),
    Row("code with a blank", { $0.code = "a b" }, ["code invalid_string"]),
    Row("code with an umlaut", { $0.code = "ä" }, ["code invalid_string"]),
    Row("code that is empty", { $0.code = "" }, []),
    Row("code that is absent", { $0.code = nil }, []),
    Row("count too small", { $0.count = 0 }, ["count too_small"]),
    Row("count too big", { $0.count = 101 }, ["count too_big"]),
    Row("count at its minimum", { $0.count = 1 }, []),
    Row("no tags", { $0.tags = [] }, ["tags too_small"]),
    Row("too many tags", { $0.tags = ["a", "b", "c", "d"] }, ["tags too_big"]),
    Row("a tag too long", { $0.tags = ["a", "abcde"] }, ["tags.1 too_big"]),
    Row("id in upper case", { $0.id = $0.id?.uppercased() }, ["id invalid_string"]),
    Row("id too short", { $0.id = "0190a1b2" }, ["id invalid_string"]),
    Row(
      "id with a wrong hyphen",
      { $0.id = "0190a1b2c-3d4-7e5f-8a9b-0c1d2e3f4a5b" },
      ["id invalid_string"]
    ),
    Row("email without a domain", { $0.email = "pat@" }, ["email invalid_string"]),
    Row("email without a dot", { $0.email = "pat@localhost" }, ["email invalid_string"]),
    Row("email without a name", { $0.email = "@studio.example" }, ["email invalid_string"]),
    Row("email with two at signs", { $0.email = "a@b@c.example" }, ["email invalid_string"]),
    Row("email with a blank", { $0.email = "a b@c.example" }, ["email invalid_string"]),
    Row("year 9999", { $0.expiresAt = 253_402_300_799_999 }, []),
    Row("year 10000", { $0.expiresAt = 253_402_300_800_000 }, ["expiresAt invalid_string"]),
    Row("digest too short", { $0.digest = [1, 2, 3] }, ["digest too_small"]),
    Row("digest too long", { $0.digest = [1, 2, 3, 4, 5] }, ["digest too_big"]),
    Row("unsigned beyond Int64", { $0.large = .max }, ["large too_big"]),
    Row(
      "everything at once",
      {
        $0.name = ""
        $0.count = 0
        $0.tags = ["abcde", "b", "abcde"]
        $0.id = "x"
      },
      [
        "name too_small", "count too_small", "tags.0 too_big", "tags.2 too_big",
        "id invalid_string",
      ]
    ),
  ]

  @Test(arguments: rows) func `constraints hold at their limits`(row: Row) throws {
    var message = Constrained.good
    row.change(&message)
    #expect((Constrained.issues(of: message.encoded) ?? []) == row.expected)
    if row.expected.isEmpty { #expect(try Constrained(decoded: message.encoded) == message) }
  }

  @Test func `an absent required field is named, at every depth`() throws {
    #expect(Constrained.issues(of: []) == ["name invalid_type", "tags too_small"])
    let fault = try #require(throws: Fault.self) { try Constrained(decoded: []) }
    #expect(
      fault.issues.first == Fault.Issue(path: ["name"], message: "Required", code: "invalid_type")
    )
    #expect(fault.reason == .validationError)
    // parts (10): the second without its name.
    let bytes = Constrained.good.encoded + [0x52, 0]
    #expect(Constrained.issues(of: bytes) == ["parts.1.partName invalid_type"])
  }

  @Test func `missing fields and broken constraints are told together`() {
    // tags (4) "abcde", nothing else.
    #expect(
      Constrained.issues(of: [0x22, 5, 0x61, 0x61, 0x61, 0x61, 0x61])
        == ["name invalid_type", "tags.0 too_big"]
    )
  }

  @Test func `a list of a hundred thousand bad items is no list of as many issues`() throws {
    let bytes = [[UInt8]](repeating: [0x52, 0], count: 100_000).flatMap { $0 }
    let issues = try #require(Constrained.issues(of: Constrained.good.encoded + bytes))
    #expect(issues.count == 100)
  }

  @Test func `a schema tells names, formats and places`() throws {
    let schema = Constrained.schema
    #expect(schema.name == "sample.v1.Constrained")
    #expect(schema.index(ofJSONName: "expiresAt") == 6)
    #expect(schema.index(ofJSONName: "expires_at") == nil)
    #expect(schema.fields[6].contract.format == .dateTime)
    #expect(schema.fields[9].contract.message?.name == "sample.v1.Constrained.Part")
    #expect(schema.fields[1].contract.characters?.contains(UInt8(ascii: "_")) == true)
    #expect(Constrained.Size.schema.number(named: "LARGE") == 1)
    #expect(Everything.Colour.schema.values.map(\.name) == ["RED", "green"])
  }
}
