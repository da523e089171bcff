internal import EventLoop
internal import Faults

/// What a server did that the case does not allow.
struct Mismatch: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Fails the case unless the server gave what was expected.
func expect<Value: Equatable>(
  _ what: String,
  _ got: Value,
  _ expected: Value
) throws(Mismatch) {
  guard got == expected else { throw Mismatch("\(what) is \(got), not \(expected)") }
}

/// The result of a call that must go well.
@EventLoop
func succeeding<Value>(
  _ call: @EventLoop () async throws(Fault) -> Value
) async throws(Mismatch) -> Value {
  do throws(Fault) {
    return try await call()
  } catch {
    throw Mismatch("the call failed: \(error.code) \(error.message)")
  }
}

/// The fault of a call that must fail with a code.
@EventLoop
@discardableResult
func failing<Value>(
  _ code: Fault.Code,
  _ call: @EventLoop () async throws(Fault) -> Value
) async throws(Mismatch) -> Fault {
  do throws(Fault) {
    _ = try await call()
  } catch {
    try expect("the status", error.code, code)
    return error
  }
  throw Mismatch("the call went well instead of failing with \(code)")
}
