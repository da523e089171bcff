public import Faults
internal import Postgres

/// Runs a statement that stores metadata, and names the field when the database does not take it.
///
/// The gateway lets only JSON objects through. But what came another way may be anything, and `jsonb` is
/// stricter than JSON: it takes no NUL in a text, and no number of more than 131,072 digits.
///
/// - Parameters:
///   - field: The field's name in JSON.
///   - body: Runs the statement.
/// - Returns: What `body` returns.
/// - Throws: ``Fault`` `invalidArgument` that names the field; whatever else `body` throws.
public func storingMetadata<T>(
  as field: String = "metadata",
  _ body: () async throws(Fault) -> T
) async throws(Fault) -> T {
  do throws(Fault) {
    return try await body()
  } catch {
    guard let failure = error.serverError, refusesMetadata(failure) else { throw error }
    throw .invalid([
      Fault.Issue(path: [field], message: "Expected a JSON object", code: "invalid_type")
    ])
  }
}

/// Source: PostgreSQL 15, appendix A, class 22, "Data Exception".
private func refusesMetadata(_ failure: ServerError) -> Bool {
  if failure.state == .checkViolation {
    return failure.constraint?.hasSuffix("_metadata_check") == true
  }
  let states = [
    SQLState("22P02"), SQLState("22P05"), SQLState("22003"), SQLState("22021"), SQLState("54000"),
    SQLState("54001"),
  ]
  return states.contains(failure.state)
}
