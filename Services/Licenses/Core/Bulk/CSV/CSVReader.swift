/// One row of a CSV file.
struct CSVRow: Equatable {
  /// The line of the file that the row begins on, from 1.
  var line: Int
  /// The cells, as bytes without their quotes; whether they are text is for others to say.
  var cells: [[UInt8]]
}

/// Why a file cannot be read any further.
struct CSVProblem: Error, Equatable {
  /// The line that it was found on, from 1.
  var line: Int
  /// What is wrong and what would be right.
  var message: String
}

/// Reads CSV as it comes, in parts of any size; no more is held than what was given and one row.
///
/// Strict: cells are separated by commas; a cell that begins with a quote ends with one, and quotes within are doubled;
/// any other quote is refused. Lines end with CR LF or LF. Lines without a character are passed over, and so is a
/// byte order mark at the beginning.
/// Source: RFC 4180, section 2.
struct CSVReader {
  /// The largest cell, in bytes without quotes: the largest metadata.
  static let cellBytesMax = 65_536
  /// The largest row, in bytes of the file: metadata with every quote doubled, and room for the rest.
  static let rowBytesMax = 262_144
  /// The most cells of a row; there are fewer columns than that.
  static let cellsMax = 64

  private enum Place {
    /// At the beginning of a row.
    case row
    /// At the beginning of a cell that is not the first.
    case cell
    case unquoted
    case quoted
    /// Behind a quote within a quoted cell: its end, or the first of two.
    case quote
    /// Behind a CR that must be followed by LF.
    case carriageReturn
    /// The same at the beginning of a row, which is blank then.
    case blankCarriageReturn
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private var bytes: [UInt8] = []
  private var position = 0
  /// How many bytes of a byte order mark have been found; nil once the beginning is over.
  private var markBytes: Int? = 0
  private var place = Place.row
  private var line = 1
  private var row = CSVRow(line: 1, cells: [])
  private var cell: [UInt8] = []
  private var rowBytes = 0

  /// Gives the next part of the file; what was given before has been read to its end.
  mutating func append(_ part: [UInt8]) {
    precondition(position == bytes.count, "a part was given before the last one was read")
    bytes = part
    position = 0
  }

  /// The next row; nil when it has not come as a whole.
  ///
  /// - Throws: ``CSVProblem``, after which nothing more can be read.
  mutating func next() throws(CSVProblem) -> CSVRow? {
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if let found = markBytes {
        if byte == Self.byteOrderMark[found] {
          markBytes = found == 2 ? nil : found + 1
          continue
        }
        guard found == 0 else { throw problem("the file begins with a broken byte order mark") }
        markBytes = nil
      }
      if let row = try take(byte) { return row }
    }
    return nil
  }

  /// The last row, when the file ends without the end of a line.
  ///
  /// - Throws: ``CSVProblem`` when it ends within quotes.
  mutating func finish() throws(CSVProblem) -> CSVRow? {
    if let found = markBytes, found > 0 {
      throw problem("the file ends within a byte order mark")
    }
    switch place {
    case .row: return nil
    case .quoted: throw problem("the file ends within quotes")
    case .carriageReturn, .blankCarriageReturn: throw problem("a CR is not followed by LF")
    case .cell, .unquoted, .quote:
      try endCell()
      return endRow()
    }
  }

  private mutating func take(_ byte: UInt8) throws(CSVProblem) -> CSVRow? {
    // A text with one is none to the database or to protobuf-c; UTF-16, which tables are often saved as, is full of them.
    guard byte != 0 else { throw problem("a NUL; the file must be UTF-8") }
    rowBytes += 1
    guard rowBytes <= Self.rowBytesMax else {
      throw problem("the row has more than \(Self.rowBytesMax) bytes")
    }
    if place == .quoted {
      if byte == UInt8(ascii: "\"") {
        place = .quote
      } else {
        if byte == UInt8(ascii: "\n") { line += 1 }
        try append(byte)
      }
      return nil
    }
    switch byte {
    case UInt8(ascii: "\n"):
      let isBlank = place == .row || place == .blankCarriageReturn
      line += 1
      if isBlank {
        startRow()
        return nil
      }
      try endCell()
      return endRow()
    case _ where place == .carriageReturn || place == .blankCarriageReturn:
      throw problem("a CR is not followed by LF; a cell with one needs quotes")
    case UInt8(ascii: "\r"):
      place = place == .row ? .blankCarriageReturn : .carriageReturn
    case UInt8(ascii: ","):
      try endCell()
      place = .cell
    case UInt8(ascii: "\"") where place == .row || place == .cell:
      place = .quoted
    case UInt8(ascii: "\"") where place == .quote:
      place = .quoted
      try append(byte)
    case UInt8(ascii: "\""):
      throw problem("a quote within a cell that does not begin with one")
    case _ where place == .quote:
      throw problem("text behind the closing quote of a cell")
    default:
      place = .unquoted
      try append(byte)
    }
    return nil
  }

  private mutating func append(_ byte: UInt8) throws(CSVProblem) {
    guard cell.count < Self.cellBytesMax else {
      throw problem("a cell has more than \(Self.cellBytesMax) bytes")
    }
    cell.append(byte)
  }

  private mutating func endCell() throws(CSVProblem) {
    guard row.cells.count < Self.cellsMax else {
      throw problem("the row has more than \(Self.cellsMax) cells")
    }
    row.cells.append(cell)
    cell.removeAll()
  }

  private mutating func endRow() -> CSVRow {
    let finished = row
    startRow()
    return finished
  }

  private mutating func startRow() {
    place = .row
    rowBytes = 0
    row = CSVRow(line: line, cells: [])
  }

  private func problem(_ message: String) -> CSVProblem {
    CSVProblem(line: line, message: message)
  }
}
