internal import Faults
internal import Postgres

/// Runs a statement that stores a name which must be unique, and refuses the name when another row has it, also
/// one that was written at this moment.
///
/// - Parameters:
///   - index: The unique index that guards the name.
///   - message: What the caller is told.
///   - body: Runs the statement.
/// - Returns: What `body` returns.
/// - Throws: ``Fault`` `CONSTRAINT_VIOLATION`; whatever else `body` throws.
func storingUnique<T>(
  _ index: String,
  _ message: @autoclosure () -> String,
  _ body: () async throws(Fault) -> T
) async throws(Fault) -> T {
  do throws(Fault) {
    return try await body()
  } catch {
    guard let failure = error.serverError, failure.state == .uniqueViolation,
      failure.constraint == index
    else { throw error }
    throw Fault(.failedPrecondition, message(), reason: .constraintViolation)
  }
}
