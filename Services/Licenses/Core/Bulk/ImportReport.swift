internal import Faults
internal import Messages

/// What is known of the rows of an import so far.
struct ImportReport {
  /// How many issues are told; all are counted.
  static let issuesMax = 1_000

  /// Rows that were read, the header not counted.
  var rows: Int64 = 0
  /// Rows with an issue.
  private(set) var badRows: Int64 = 0
  private var issues: [ImportLicensesResponse.RowIssue] = []
  /// Issues of the rows that are being worked on, in the order in which they were found.
  private var recent: [ImportLicensesResponse.RowIssue] = []

  /// Notes what is wrong with a row; called once for each bad row.
  mutating func refuse(line: Int, _ found: [Fault.Issue]) {
    badRows += 1
    guard issues.count < Self.issuesMax else { return }
    for issue in found {
      recent.append(
        ImportLicensesResponse.RowIssue(
          line: Int64(line),
          column: issue.path.first,
          message: issue.message,
          code: issue.code
        )
      )
    }
  }

  /// Puts the issues of the rows worked on in the order of the file; later ones are of later rows.
  mutating func settle() {
    // Sorting is not stable, so the order of finding goes along.
    let ordered = recent.enumerated().sorted {
      ($0.element.line, $0.offset) < ($1.element.line, $1.offset)
    }
    issues.append(contentsOf: ordered.prefix(Self.issuesMax - issues.count).map(\.element))
    recent.removeAll()
  }

  /// The answer.
  func response(isDryRun: Bool) -> ImportLicensesResponse {
    ImportLicensesResponse(
      dryRun: isDryRun,
      rows: rows,
      imported: badRows == 0 ? rows : 0,
      badRows: badRows,
      issues: issues
    )
  }
}
