public import Faults

/// The server's five-character name of a kind of error.
///
/// Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
public struct SQLState: Hashable, Sendable {
  /// The five characters; the first two are the class.
  public let code: String

  /// Names a state.
  public init(_ code: String) { self.code = code }

  /// A row with the same unique key exists.
  public static let uniqueViolation = SQLState("23505")
  /// The row that is referred to does not exist, or is still referred to.
  public static let foreignKeyViolation = SQLState("23503")
  /// A check constraint refuses the row.
  public static let checkViolation = SQLState("23514")
  /// A column that must have a value has none.
  public static let notNullViolation = SQLState("23502")
  /// A transaction cannot be placed in any order with those beside it.
  public static let serializationFailure = SQLState("40001")
  /// Two transactions waited for each other, and this one was ended.
  public static let deadlockDetected = SQLState("40P01")
  /// A lock was not to be had in time.
  public static let lockNotAvailable = SQLState("55P03")
  /// The statement was cancelled, by its time limit or on request.
  public static let queryCanceled = SQLState("57014")
  /// A prepared statement's result would have other columns than when it was prepared; also anything
  /// else that is not supported.
  public static let featureNotSupported = SQLState("0A000")
  /// There is no prepared statement of that name.
  public static let invalidStatementName = SQLState("26000")
  /// A write was sent to a server that only reads, as a primary does that was demoted.
  public static let readOnlyTransaction = SQLState("25006")
  /// The role may not do this, or row-level security refuses the row.
  public static let insufficientPrivilege = SQLState("42501")
  /// The connection broke.
  public static let connectionFailure = SQLState("08006")

  /// Whether it is about the data of a statement, so that the server's sentence may quote them.
  var isAboutData: Bool { code.hasPrefix("22") }
}

extension Fault {
  /// The one map from the server's errors to faults.
  init(_ error: ServerError) {
    self = Fault.make(error)
    detail = error.description
    cause = error
  }

  private static func make(_ error: ServerError) -> Fault {
    switch error.state {
    case .uniqueViolation:
      return Fault(.alreadyExists, "It exists already", reason: .conflict)
    case .foreignKeyViolation:
      return Fault(
        .failedPrecondition,
        "Something it refers to does not exist",
        reason: .referenceNotFound
      )
    case .serializationFailure, .deadlockDetected, .lockNotAvailable:
      return Fault(.aborted, "Another change was made at the same time; try again")
    case .queryCanceled:
      return Fault(.deadlineExceeded, "The database took too long")
    case .readOnlyTransaction:
      return .unavailable("The database cannot be written to at the moment")
    default:
      return make(class: error.state)
    }
  }

  private static func make(class state: SQLState) -> Fault {
    switch state.code.prefix(2) {
    // Connection, authentication, unknown database, resources, and an operator's intervention.
    case "08", "28", "3D", "53", "57", "58": .databaseUnavailable()
    case "23":
      Fault(
        .failedPrecondition,
        "It breaks a rule of the data",
        reason: .constraintViolation
      )
    case "22" where SQLState.ofInput.contains(state):
      Fault(.invalidArgument, "A value cannot be stored", reason: .validationError)
    default: .internalError("")
    }
  }

  /// The database is out of reach, or was lost on the way.
  static func databaseUnavailable(detail: String? = nil, cause: (any Error)? = nil) -> Fault {
    .unavailable("The database is not available", detail: detail, cause: cause)
  }

  /// The server's error beneath the fault, for callers that react to a constraint by its name.
  public var serverError: ServerError? { cause as? ServerError }
}

extension SQLState {
  /// Errors of data that a caller's input can cause although it has the right shape: too long, out
  /// of range, or with characters that the server cannot store.
  ///
  /// Other errors of data are our own.
  fileprivate static let ofInput: Set<SQLState> = [
    SQLState("22001"), SQLState("22003"), SQLState("22008"), SQLState("22021"), SQLState("22P05"),
  ]
}
