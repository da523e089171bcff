internal import CPQ
internal import EventLoop
internal import Faults
internal import Tracing

extension Connection {
  /// Sends one statement, after others that it depends on, and waits for the outcome of all: they share
  /// one transaction of the server's making where no explicit one is open.
  ///
  /// - Parameters:
  ///   - query: The statement.
  ///   - preludes: What goes before it.
  ///   - keptPlace: Which of those has rows that are wanted too.
  /// - Returns: The rows of `query`; or the first error, and then nothing of it was done.
  func perform(
    _ query: Query,
    after preludes: [Query] = [],
    keeping keptPlace: Int? = nil
  ) async -> ExchangeOutcome {
    let begun = Instant.now
    let span = Span.current?.child("postgres", .client)
    span?.note("db.system", "postgresql")
    // The text of the program, with `$1` where the values are.
    span?.note("db.statement", query.sql)
    let outcome = await withUnsafeContinuation { continuation in
      send(query, after: preludes, keeping: keptPlace, continuation)
    }
    var failure: ExchangeFailure?
    if case .failure(let found) = outcome { failure = found }
    counts?.end(failure?.kind, since: begun)
    span?.end(failure: failure.map { $0.fault.serverError?.state.code ?? "\($0.kind)" })
    return outcome
  }

  private func send(
    _ query: Query,
    after preludes: [Query],
    keeping keptPlace: Int?,
    _ continuation: UnsafeContinuation<ExchangeOutcome, Never>?
  ) {
    let exchange = Exchange(continuation, keeping: keptPlace)
    guard isOpen else {
      exchange.lose(.databaseUnavailable(detail: "The connection is closed"))
      return
    }
    if statements.isFull {
      statements.removeAll()
      send("deallocate all", after: [], keeping: nil, nil)
    }
    var isSent = true
    for prelude in preludes where isSent { isSent = send(prelude, as: exchange) }
    isSent = isSent && send(query, as: exchange) && PQpipelineSync(handle) == 1
    if pending.isEmpty { lastProgress = Instant.now }
    pending.append(exchange)
    // Half an exchange cannot be taken back, so a failure here is the connection's end.
    if isSent { flush() } else { close(.databaseUnavailable(detail: errorText)) }
  }

  /// Hands one statement to libpq, and the making of its prepared form where there is none yet.
  private func send(_ query: Query, as exchange: Exchange) -> Bool {
    let count = Int32(query.types.count)
    if let number = statements.number(of: query) {
      exchange.expect(.execute(number, isReused: true))
      return execute(query, number)
    }
    let number = statements.add(query)
    guard PQsendPrepare(handle, StatementTable.name(number), query.sql, count, query.types) == 1
    else {
      return false
    }
    exchange.expect(.prepare(number))
    exchange.expect(.execute(number, isReused: false))
    return execute(query, number)
  }

  private func execute(_ query: Query, _ number: Int) -> Bool {
    let count = query.ends.count
    guard let handle else { return false }
    return query.bytes.withUnsafeBytes { bytes in
      // A value without bytes needs an address all the same: null would mean NULL.
      let base = bytes.baseAddress ?? Connection.noBytes
      values.removeAll(keepingCapacity: true)
      lengths.removeAll(keepingCapacity: true)
      while formats.count < count { formats.append(1) }
      var start = 0
      for end in query.ends {
        guard end >= 0 else {
          values.append(nil)
          lengths.append(0)
          continue
        }
        values.append((base + start).assumingMemoryBound(to: CChar.self))
        lengths.append(end - Int32(start))
        start = Int(end)
      }
      return PQsendQueryPrepared(
        handle,
        StatementTable.name(number),
        Int32(count),
        values,
        lengths,
        formats,
        1
      ) == 1
    }
  }

  /// Any address that is not null.
  private static let noBytes = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
  )

  // MARK: Answers

  /// Takes the answers that have come, in order, and hands them to the exchanges they belong to.
  func receive() {
    guard let handle else { return }
    guard script == nil else {
      receiveScript()
      return
    }
    var nullCount = 0
    while let exchange = pending.first, PQisBusy(handle) == 0 {
      guard let result = PQgetResult(handle) else {
        // The end of one command's answer. Two in a row cannot be: it would be no progress.
        nullCount += 1
        guard nullCount < 2 else {
          close(.databaseUnavailable(detail: "The order of answers is broken"))
          return
        }
        exchange.advance()
        continue
      }
      nullCount = 0
      lastProgress = Instant.now
      if PQresultStatus(result) == PGRES_PIPELINE_SYNC {
        PQclear(result)
        _ = pending.popFirst()
        exchange.end()
        if isDemoted {
          close(.databaseUnavailable(detail: "The server is no longer the primary"))
          return
        }
      } else {
        take(result, for: exchange)
      }
    }
    receiveNotifications()
  }

  private func take(_ result: OpaquePointer, for exchange: Exchange) {
    switch (PQresultStatus(result), exchange.current) {
    case (PGRES_TUPLES_OK, .execute), (PGRES_COMMAND_OK, .execute), (PGRES_EMPTY_QUERY, .execute):
      exchange.received(Rows(owning: result))
      return
    case (PGRES_COMMAND_OK, .prepare):
      break
    case (PGRES_FATAL_ERROR, let step):
      exchange.failed(failure(ServerError(of: result), step))
      if case .prepare(let number) = step { statements.remove(number) }
    case (PGRES_PIPELINE_ABORTED, .prepare(let number)):
      statements.remove(number)
    case (PGRES_PIPELINE_ABORTED, _):
      break
    default:
      // COPY is the only other thing a statement can start; it has no place in a pipeline.
      exchange.failed(
        ExchangeFailure(kind: .refused, fault: .internalError("A statement has an unknown outcome"))
      )
    }
    PQclear(result)
  }

  private func failure(_ error: ServerError, _ step: Exchange.Step?) -> ExchangeFailure {
    // The next connection will be to the server that took over.
    if error.state == .readOnlyTransaction, mustBeWritable { isDemoted = true }
    if case .execute(let number, let isReused) = step {
      let isGone = error.state == .invalidStatementName
      if isGone || (isReused && error.state == .featureNotSupported) {
        statements.remove(number)
        return ExchangeFailure(kind: .stalePlan, fault: Fault(error))
      }
    }
    return ExchangeFailure(kind: .refused, fault: Fault(error))
  }

  private func receiveNotifications() {
    while let handle, let notification = PQnotifies(handle) {
      defer { PQfreemem(notification) }
      let channel = String(cString: notification.pointee.relname)
      let payload = notification.pointee.extra.map { String(cString: $0) } ?? ""
      onEvent?(.notified(channel: channel, payload: payload))
    }
  }
}
