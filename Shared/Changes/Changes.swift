public import EventLoop
public import Faults
internal import HTTP
internal import Messages
public import Postgres
public import Primitives
public import Protobuf
public import RPC
public import Sealing

/// Makes changes: each in one transaction, with its line in the audit log, and once only for an `Idempotency-Key`.
@EventLoop
public final class Changes {
  /// What becomes of a change that was written.
  public enum Outcome<Answer: ContractMessage> {
    /// It is committed, and this is answered.
    case done(Answer)
    /// What was written (an event that tells of the refusal) is committed, and the caller is refused.
    case refused(Fault)
  }

  private let database: Database
  private let answers: IdempotentAnswers
  private let resources = AuditedResources()
  private let announcer: EventAnnouncer
  private let now: @Sendable () -> Timestamp

  /// Makes changes in a database.
  ///
  /// - Parameters:
  ///   - database: Connected as the service's role.
  ///   - dataKeys: What answers are sealed by while they are kept.
  ///   - now: The clock.
  public init(
    database: Database,
    dataKeys: any DataKeys,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.database = database
    answers = IdempotentAnswers(dataKeys: dataKeys)
    announcer = EventAnnouncer(database: database)
    self.now = now
  }

  /// Makes a change that a call asks for.
  ///
  /// - Parameters:
  ///   - call: The call. Where it brings an `Idempotency-Key` that was answered before, `body` is not run.
  ///   - tenant: Whose data is changed.
  ///   - origin: Who makes it, where that is not whom the call names.
  ///   - kept: How the answer is kept for an `Idempotency-Key`; as it is unless said.
  ///   - body: Makes the change; everything is undone when it throws.
  /// - Returns: What `body` returned, or had returned to the same request before.
  /// - Throws: What `body` throws or refuses; ``Fault`` `CONFLICT` when the `Idempotency-Key` was used for
  ///   another request, or by somebody else; faults of the database.
  public func make<Answer: ContractMessage>(
    _ call: Call,
    for tenant: Tenant,
    by origin: Origin? = nil,
    keeping kept: KeptAnswer<Answer>? = nil,
    _ body: @EventLoop (Change) async throws(Fault) -> Answer
  ) async throws(Fault) -> Answer {
    try await makeOrRefuse(call, for: tenant, by: origin, keeping: kept) {
      (change) async throws(Fault) in
      .done(try await body(change))
    }
  }

  /// Makes a change that may be refused and all the same leave something behind; otherwise as
  /// ``make(_:for:by:keeping:_:)``.
  public func makeOrRefuse<Answer: ContractMessage>(
    _ call: Call,
    for tenant: Tenant,
    by origin: Origin? = nil,
    keeping kept: KeptAnswer<Answer>? = nil,
    _ body: @EventLoop (Change) async throws(Fault) -> Outcome<Answer>
  ) async throws(Fault) -> Answer {
    let origin = origin ?? Origin(call)
    let outcome = try await transact(for: tenant, by: origin) {
      (change) async throws(Fault) -> Outcome<Answer> in
      guard let request = IdempotentRequest(call) else { return try await body(change) }
      switch try await self.answers.claim(request, change) {
      case .answered(let earlier):
        if let status = earlier.status { call.succeed(withStatus: status) }
        var answer = try Answer(kept: earlier.bytes)
        try await kept?.restore(&answer, change)
        return .done(answer)
      case .first(let row):
        let outcome = try await body(change)
        if case .done(var answer) = outcome {
          kept?.strip(&answer)
          var bytes: [UInt8] = []
          answer.encode(appendingTo: &bytes)
          let status = call.trailers["latchkey-status"].flatMap { Int16($0) }
          try await self.answers.keep(
            .init(bytes: bytes, status: status),
            to: request,
            inRow: row,
            change
          )
        }
        return outcome
      }
    }
    switch outcome {
    case .done(let answer): return answer
    case .refused(let fault): throw fault
    }
  }

  /// Makes a change that nobody asked for, such as an expiry.
  ///
  /// - Throws: What `body` throws; faults of the database.
  @discardableResult
  public func makeUnasked<T>(
    for tenant: Tenant,
    _ body: @EventLoop (Change) async throws(Fault) -> T
  ) async throws(Fault) -> T {
    try await transact(for: tenant, by: .service, body)
  }

  private func transact<T>(
    for tenant: Tenant,
    by origin: Origin,
    _ body: @EventLoop (Change) async throws(Fault) -> T
  ) async throws(Fault) -> T {
    let now = now()
    let (result, hasEvents) = try await database.transaction(for: tenant) {
      (transaction) async throws(Fault) in
      let change = Change(transaction, for: tenant, by: origin, at: now, self.resources)
      let result = try await body(change)
      change.sendRecords()
      return (result, change.hasEvents)
    }
    if hasEvents { announcer.announce() }
    return result
  }
}

extension Call {
  /// Has the answer sent with this HTTP status in place of the method's usual one.
  public func succeed(withStatus status: Int16) {
    trailers.append("latchkey-status", String(status))
  }
}

extension IdempotentRequest {
  /// The request that a call repeats or may be repeated as; nil without an `Idempotency-Key`.
  @EventLoop
  fileprivate init?(_ call: Call) {
    guard let key = call.caller?.idempotencyKey, let hash = call.caller?.requestHash else {
      return nil
    }
    self.init(key: key, hash: hash)
  }
}

extension ContractMessage {
  /// Reads a message that was kept.
  fileprivate init(kept bytes: [UInt8]) throws(Fault) {
    do throws(Fault) {
      self = try bytes.span.withUnsafeBytes { (bytes) throws(Fault) in try Self(decoding: bytes) }
    } catch {
      throw .internalError("An answer that was kept cannot be read", cause: error)
    }
  }
}
