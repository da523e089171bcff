internal import Faults
internal import Messages
internal import Protobuf
internal import Transcoding

/// The columns of a file to import, as its first row names them, and how a row is read by them.
struct ImportColumns {
  private static let plan = RequestPlan(LicenseRow.schema)

  /// The position of each column's field in the contract.
  private let fields: [Int]
  /// Whether the file speaks of expiries: then an empty cell means that a license never expires.
  let hasExpiry: Bool

  /// Reads the first row.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every column that is unknown or there twice, and when there is none
  ///   for the key.
  init(header: CSVRow) throws(Fault) {
    var fields: [Int] = []
    var issues: [Fault.Issue] = []
    for cell in header.cells {
      let name = String(decoding: cell.prefix(64), as: UTF8.self)
      guard let field = LicenseRow.schema.index(ofJSONName: name) else {
        let known = LicenseRow.schema.fields.map(\.jsonName).joined(separator: ", ")
        issues.append(
          Fault.Issue(
            path: [name],
            message: "Unknown column. Known are \(known)",
            code: "unrecognized_key"
          )
        )
        continue
      }
      if fields.contains(field) {
        issues.append(Fault.Issue(path: [name], message: "Given more than once", code: "custom"))
      }
      fields.append(field)
    }
    func has(_ name: String) -> Bool {
      LicenseRow.schema.index(ofJSONName: name).map(fields.contains) ?? false
    }
    if issues.isEmpty, !has("key"), !has("keyHash") {
      issues.append(
        Fault.Issue(
          path: ["key"],
          message: "Required: a column key or keyHash in the first row",
          code: "invalid_type"
        )
      )
    }
    guard issues.isEmpty else { throw .invalid(issues) }
    self.fields = fields
    hasExpiry = has("expiresAt")
  }

  /// Reads a row as the contract describes it; an empty cell is as good as none.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every cell that is wrong.
  func read(_ row: CSVRow) throws(Fault) -> LicenseRow {
    guard row.cells.count == fields.count else {
      throw .invalid([
        Fault.Issue(
          path: [],
          message: "Expected \(fields.count) cells as in the first row, found \(row.cells.count)",
          code: "invalid_type"
        )
      ])
    }
    var parameters: [RequestParameter] = []
    for (field, cell) in zip(fields, row.cells) where !cell.isEmpty {
      parameters.append(RequestParameter(field: field, value: cell))
    }
    let message = try Self.plan.encode(body: [], parameters: parameters)
    let read = try message.span.withUnsafeBytes { (bytes) throws(Fault) in
      try LicenseRow(decoding: bytes)
    }
    switch (read.key, read.keyHash) {
    case (nil, nil): throw .invalid([Self.issue("key", "Required: a key or its hash")])
    case (_?, _?): throw .invalid([Self.issue("keyHash", "Given beside the key itself")])
    default: return read
    }
  }

  private static func issue(_ column: String, _ message: String) -> Fault.Issue {
    Fault.Issue(path: [column], message: message, code: "invalid_type")
  }
}
