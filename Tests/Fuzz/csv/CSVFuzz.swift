/// Feeds the CSV reader with what libFuzzer thinks of, and checks what must hold for any input.
///
/// The first byte says where the file is cut in two: what is read must not depend on it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCSV(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 0 else { return 0 }
  let file = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let whole = Outcome(reading: [file])
  let cut = file.isEmpty ? 0 : Int(start[0]) % (file.count + 1)
  check(
    Outcome(reading: [Array(file[..<cut]), Array(file[cut...])]) == whole,
    "a cut changes what is read"
  )
  check(Outcome(reading: file.map { [$0] }) == whole, "single bytes change what is read")
  whole.checkRows(of: file)
  return 0
}

/// Stops the fuzzer, which keeps the input; unlike `precondition`, this says why in an optimised build too.
private func check(_ condition: Bool, _ message: StaticString) {
  if !condition { fatalError("\(message)") }
}

/// What reading a file came to.
private struct Outcome: Equatable {
  var rows: [CSVRow] = []
  var problem: CSVProblem?

  init(reading parts: [[UInt8]]) {
    var reader = CSVReader()
    do throws(CSVProblem) {
      for part in parts {
        reader.append(part)
        while let row = try reader.next() { rows.append(row) }
      }
      if let row = try reader.finish() { rows.append(row) }
    } catch {
      problem = error
    }
  }

  /// Rows hold no more than the file, keep the limits, and come in order; written again, they read the same.
  func checkRows(of file: [UInt8]) {
    let lines = file.count(where: { $0 == UInt8(ascii: "\n") }) + 1
    var line = 0
    var byteCount = 0
    var text = CSVText()
    for row in rows {
      check(row.line > line && row.line <= lines, "a row is on a line of its own")
      line = row.line
      check((1...CSVReader.cellsMax).contains(row.cells.count), "a row has cells, and not too many")
      for cell in row.cells {
        check(cell.count <= CSVReader.cellBytesMax, "a cell is too large")
        byteCount += cell.count
        text.cell(json: cell)
      }
      text.endRow()
    }
    check(byteCount <= file.count, "rows hold more than the file")
    if let problem {
      check(problem.line >= 1 && problem.line <= lines, "a problem is on a line of the file")
    }
    let again = Outcome(reading: [text.bytes])
    let expected = rows.map(\.cells).filter { $0 != [[]] }
    // A first cell that begins like a byte order mark is taken for one.
    guard text.bytes.first != 0xEF else { return }
    check(again.problem == nil, "what was written cannot be read")
    check(again.rows.map(\.cells) == expected, "what was written reads otherwise")
  }
}
