import Testing

@testable import LicensesService

/// A file and what is read of it.
struct CSVCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var file: [UInt8]
  /// The rows before the end or the problem.
  var rows: [[String]]
  var lines: [Int]?
  /// Part of the problem's message, and its line.
  var problem: (String, Int)?

  init(
    _ testDescription: String,
    _ file: String,
    _ rows: [[String]],
    lines: [Int]? = nil,
    problem: (String, Int)? = nil
  ) {
    self.testDescription = testDescription
    self.file = Array(file.utf8)
    self.rows = rows
    self.lines = lines
    self.problem = problem
  }
}

private let cases = [
  CSVCase("nothing", "", []),
  CSVCase("one cell", "a", [["a"]]),
  CSVCase("LF", "a,b\nc,d\n", [["a", "b"], ["c", "d"]]),
  CSVCase("CR LF", "a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
  CSVCase("no end of the last line", "a,b\nc,d", [["a", "b"], ["c", "d"]]),
  CSVCase("a byte order mark", "\u{FEFF}a,b\n", [["a", "b"]]),
  CSVCase("a byte order mark later is text", "a,\u{FEFF}b\n", [["a", "\u{FEFF}b"]]),
  CSVCase("empty cells", ",a,,\n,\n", [["", "a", "", ""], ["", ""]]),
  CSVCase("an empty cell at the end of the file", "a,", [["a", ""]]),
  CSVCase("quotes", "\"a\",\"b,c\",\"d\"\"e\",\"\"\n", [["a", "b,c", "d\"e", ""]]),
  CSVCase("only quotes", "\"\"", [[""]]),
  CSVCase("doubled quotes alone", "\"\"\"\"", [["\""]]),
  CSVCase(
    "lines within quotes",
    "\"a\nb\r\nc\",d\ne,f\n",
    [["a\nb\r\nc", "d"], ["e", "f"]],
    lines: [1, 4]
  ),
  CSVCase("blank lines", "\na\n\r\n\nb\n\n", [["a"], ["b"]], lines: [2, 5]),
  CSVCase("blanks are kept", " a , b \n", [[" a ", " b "]]),
  CSVCase("UTF-8", "é,日本\n", [["é", "日本"]]),
  CSVCase("a quote within a cell", "a\nb\"c\n", [["a"]], problem: ("a quote within", 2)),
  CSVCase("text behind quotes", "\"a\"b\n", [], problem: ("behind the closing quote", 1)),
  CSVCase("a blank behind quotes", "\"a\" ,b\n", [], problem: ("behind the closing quote", 1)),
  CSVCase("open quotes", "a\n\"b\nc", [["a"]], problem: ("ends within quotes", 3)),
  CSVCase("CR alone", "a\rb", [], problem: ("CR is not followed", 1)),
  CSVCase("CR at the end", "a\r", [], problem: ("CR is not followed", 1)),
  CSVCase("CR in a blank line", "\ra", [], problem: ("CR is not followed", 1)),
  CSVCase("two CRs", "a\r\r\n", [], problem: ("CR is not followed", 1)),
  CSVCase(
    "a large cell",
    String(repeating: "x", count: CSVReader.cellBytesMax + 1),
    [],
    problem: ("a cell has more than", 1)
  ),
  CSVCase(
    "many cells",
    String(repeating: ",", count: CSVReader.cellsMax + 1),
    [],
    problem: ("more than 64 cells", 1)
  ),
  CSVCase(
    "a large row",
    String(repeating: String(repeating: "x", count: 60_000) + ",", count: 5),
    [],
    problem: ("the row has more than", 1)
  ),
]

@Suite struct CSVTests {
  /// Reads a file given in parts.
  private func read(_ parts: [[UInt8]]) -> ([CSVRow], CSVProblem?) {
    var reader = CSVReader()
    var rows: [CSVRow] = []
    do throws(CSVProblem) {
      for part in parts {
        reader.append(part)
        while let row = try reader.next() { rows.append(row) }
      }
      if let row = try reader.finish() { rows.append(row) }
      return (rows, nil)
    } catch {
      return (rows, error)
    }
  }

  private func expect(_ result: ([CSVRow], CSVProblem?), _ wanted: CSVCase, _ how: String) {
    let (rows, problem) = result
    let cells = rows.map { $0.cells.map { String(decoding: $0, as: UTF8.self) } }
    #expect(cells == wanted.rows, "\(how)")
    if let lines = wanted.lines { #expect(rows.map(\.line) == lines, "\(how)") }
    #expect(problem?.line == wanted.problem?.1, "\(how)")
    if let (message, _) = wanted.problem {
      #expect(problem?.message.contains(message) == true, "\(how): \(problem?.message ?? "")")
    }
  }

  @Test(arguments: cases) func `a file is read as it is, wherever it is cut`(wanted: CSVCase) {
    expect(read([wanted.file]), wanted, "whole")
    guard wanted.file.count < 1_000 else { return }
    expect(read(wanted.file.map { [$0] }), wanted, "byte by byte")
    for cut in 0...wanted.file.count {
      let parts = [Array(wanted.file[..<cut]), [], Array(wanted.file[cut...])]
      expect(read(parts), wanted, "cut at \(cut)")
    }
  }

  @Test func `a broken byte order mark is refused`() {
    for file: [UInt8] in [[0xEF], [0xEF, 0xBB], [0xEF, 0xBB, 0x61], [0xEF, 0x61]] {
      #expect(read([file]).1?.message.contains("byte order mark") == true)
    }
  }

  /// What was written reads back as it was, for random cells of the characters that matter.
  @Test func `random files survive being written and read in random parts`() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix(state: seed)
    let alphabet: [Character] = ["a", "b", ",", "\"", "\r", "\n", " ", "=", "é"]
    for _ in 0..<500 {
      let columns = Int.random(in: 1...4, using: &random)
      let table = (0..<Int.random(in: 0...5, using: &random)).map { _ in
        (0..<columns).map { _ in
          String(
            (0..<Int.random(in: 0...6, using: &random)).map { _ in
              alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
          )
        }
      }
      var text = CSVText()
      for row in table {
        for cell in row { text.cell(cell) }
        text.endRow()
      }
      var parts: [[UInt8]] = []
      var rest = text.bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...rest.count, using: &random)
        parts.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
      let (rows, problem) = read(parts)
      #expect(problem == nil, "seed \(seed)")
      // A row of one empty cell is a blank line.
      let expected = table.filter { $0 != [""] }.map { $0.map(Self.guarded) }
      #expect(
        rows.map { $0.cells.map { String(decoding: $0, as: UTF8.self) } } == expected,
        "seed \(seed)"
      )
    }
  }

  private static func guarded(_ cell: String) -> String {
    guard let first = cell.utf8.first, "=\r".utf8.contains(first) else { return cell }
    return "'" + cell
  }

  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""),
    ("a\nb", "\"a\nb\""), ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"),
    ("\tx", "'\tx"), ("\rx", "\"'\rx\""), ("=a,\"b\"", "\"'=a,\"\"b\"\"\""), ("a=1", "a=1"),
  ])
  func `no text is a formula, and each needs its quotes`(text: String, written: String) {
    var csv = CSVText()
    csv.cell(text)
    csv.endRow()
    #expect(String(decoding: csv.bytes, as: UTF8.self) == written + "\r\n")
  }

  @Test func `numbers and JSON are written as they are`() {
    var csv = CSVText()
    csv.cell(7 as Int64?)
    csv.cell(nil as Int32?)
    csv.cell(json: Array(#"{"a": "b"}"#.utf8))
    csv.endRow()
    #expect(String(decoding: csv.bytes, as: UTF8.self) == "7,,\"{\"\"a\"\": \"\"b\"\"}\"\r\n")
  }
}

/// A generator that a seed repeats.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
