internal import Faults

/// Why an exchange failed, and what that allows.
struct ExchangeFailure: Error {
  enum Kind {
    /// The server refused a statement; everything of the exchange is undone.
    case refused
    /// A prepared statement no longer fits the tables, or is gone; nothing was run.
    case stalePlan
    /// The connection broke; whether anything was done is unknown.
    case lost
  }

  let kind: Kind
  let fault: Fault
}

typealias ExchangeOutcome = Result<ExchangeRows, ExchangeFailure>

/// What the statements of an exchange gave.
struct ExchangeRows {
  /// The rows of the last one.
  fileprivate(set) var last = Rows.none
  /// The rows of the one that was asked for besides.
  fileprivate(set) var kept = Rows.none
}

/// Statements that are sent together and end in one Sync: they succeed or fail as one, and what comes
/// after them on the same connection does not notice.
///
/// Outside of an explicit transaction they are one transaction of the server's making, which commits at
/// the Sync. So the outcome is known only when the Sync is answered.
/// Source: PostgreSQL 15, section 34.5, "Pipeline Mode".
final class Exchange {
  /// One command that an answer is expected for.
  enum Step {
    /// Makes the prepared statement with this number.
    case prepare(Int)
    /// Runs a statement: the number of its prepared form, and whether it was made before this exchange.
    case execute(Int, isReused: Bool)
  }

  /// The commands that have not been answered, in the order of sending.
  private(set) var steps: [Step] = []
  private var answered = 0
  private var rows = ExchangeRows()
  /// How many statements have given their rows, and which of them is asked for besides the last.
  private var executed = 0
  private let keptPlace: Int?
  private var failure: ExchangeFailure?
  private let continuation: UnsafeContinuation<ExchangeOutcome, Never>?

  /// Makes an exchange that will resume a task exactly once, or nobody: housekeeping.
  init(_ continuation: UnsafeContinuation<ExchangeOutcome, Never>?, keeping keptPlace: Int?) {
    self.continuation = continuation
    self.keptPlace = keptPlace
  }

  /// Notes that a command was sent.
  func expect(_ step: Step) { steps.append(step) }

  /// The command whose answer comes next; nil when only the Sync is left.
  var current: Step? { answered < steps.count ? steps[answered] : nil }

  /// The answer to the current command is complete.
  func advance() { answered += 1 }

  /// Keeps the rows of a command, where they are asked for or it may be the last.
  func received(_ rows: Rows) {
    if executed == keptPlace { self.rows.kept = rows }
    self.rows.last = rows
    executed += 1
  }

  /// Keeps the first error; those that follow are its consequences.
  func failed(_ failure: ExchangeFailure) {
    if self.failure == nil { self.failure = failure }
  }

  /// The Sync was answered.
  func end() {
    continuation?.resume(returning: failure.map { .failure($0) } ?? .success(rows))
  }

  /// The connection broke first.
  func lose(_ fault: Fault) {
    var fault = fault
    // What the server said before it went away explains more than the broken socket does.
    if fault.cause == nil, let said = failure?.fault { fault.cause = said }
    continuation?.resume(returning: .failure(ExchangeFailure(kind: .lost, fault: fault)))
  }
}
