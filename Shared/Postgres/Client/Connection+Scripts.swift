internal import CPQ
internal import EventLoop
internal import Faults

extension Connection {
  /// Runs SQL of any number of statements, as migrations are.
  ///
  /// Nothing else may be in flight, and what is sent meanwhile must wait for the end: a script
  /// cannot be pipelined.
  ///
  /// Statements share one transaction, the one that is open or one of the server's making.
  func runScript(_ sql: String) async throws(Fault) {
    guard isOpen, let handle else { throw .databaseUnavailable() }
    precondition(pending.isEmpty && script == nil, "A script needs the connection for itself")
    guard PQexitPipelineMode(handle) == 1, PQsendQuery(handle, sql) == 1 else {
      let fault = Fault.databaseUnavailable(detail: errorText)
      close(fault)
      throw fault
    }
    let outcome = await withUnsafeContinuation { continuation in
      script = ScriptRun(continuation: continuation)
      flush()
    }
    if let handle = self.handle, PQenterPipelineMode(handle) != 1 {
      close(.databaseUnavailable(detail: errorText))
    }
    try outcome.get()
  }

  /// Takes a script's results; the first error is the outcome.
  func receiveScript() {
    guard let handle else { return }
    while script != nil, PQisBusy(handle) == 0 {
      guard let result = PQgetResult(handle) else {
        endScript()
        return
      }
      switch PQresultStatus(result) {
      case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
      case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
        PQclear(result)
        close(.internalError("A script may not copy"))
        return
      default:
        if script?.fault == nil { script?.fault = Fault(ServerError(of: result)) }
      }
      PQclear(result)
    }
  }

  /// Resumes the task that runs the script.
  func endScript(_ lost: Fault? = nil) {
    guard let script else { return }
    self.script = nil
    script.continuation.resume(
      returning: (lost ?? script.fault).map { .failure($0) } ?? .success(())
    )
  }
}

/// A script under way.
struct ScriptRun {
  let continuation: UnsafeContinuation<Result<Void, Fault>, Never>
  var fault: Fault?
}
