public import EventLoop
public import Faults
public import HTTP
public import Messages
public import Primitives
internal import Protobuf
internal import Tracing

/// One call on the server's side, as the method that serves it sees it.
///
/// The task that serves the call is cancelled when the client goes away or the deadline passes.
@EventLoop
public final class Call {
  /// The method's descriptor.
  public let method: MethodDescriptor
  /// When the call began.
  private let begun: Instant
  /// When the call must have been answered.
  public let deadline: Instant
  /// The DNS name in the peer's verified certificate; nil without mutual TLS.
  public let peerIdentity: String?
  /// Who is behind the call, as the gateway says; nil where the peer may not say, or has not.
  public var caller: Caller? { sharedCaller?.value }
  private let sharedCaller: Boxed<Caller>?
  /// Fields to send after the last message, besides the status.
  public var trailers = Metadata()

  /// What serves the call.
  ///
  /// Read and set by the server alone.
  var task: Task<Void, Never>?
  var deadlineTimer: LoopTimer?
  /// What the call came on: a stream of its own, or that of its trunk.
  let stream: any ServerStream
  /// Where on a trunk the call is; nil where it has a stream of its own.
  let seat: TrunkSeat?
  /// The calls that the stream carries, where this one is to carry others.
  var trunk: ServerTrunk?
  /// The id of the request, once the stream's fields are gone.
  private var keptRequestID: String?
  private(set) var isFinished = false
  private var hasSentHead = false
  /// Where the next message begins in the stream's bytes.
  var reader: RequestBuffer?
  var writerWaiting: CheckedContinuation<Void, Never>?
  /// What counts the call until it is over.
  private var counts: CallCounts?
  /// Told when the call is over, for logs.
  private var onEnd: (@EventLoop (Call, _ code: Int32) -> Void)?
  /// What is recorded of the call; nil where nothing is.
  private(set) var span: Span?
  /// Begins to serve a unary call once its one message is here.
  var unaryStart: (@EventLoop (Call, [UInt8], Range<Int>) -> Void)?

  init(
    method: MethodDescriptor,
    stream: any ServerStream,
    begun: Instant,
    deadline: Instant,
    peerIdentity: String?,
    caller: Boxed<Caller>?,
    seat: TrunkSeat? = nil
  ) {
    self.method = method
    self.stream = stream
    self.begun = begun
    self.deadline = deadline
    self.peerIdentity = peerIdentity
    sharedCaller = caller
    self.seat = seat
  }

  /// Counts the call, and has what is made of it noted when it is over.
  func begin(
    _ counts: CallCounts,
    _ span: Span?,
    _ onEnd: (@EventLoop (Call, _ code: Int32) -> Void)?
  ) {
    counts.begin()
    self.counts = counts
    self.span = span
    self.onEnd = onEnd
  }

  /// The fields that came with the call; on a trunk, with the trunk.
  public var metadata: Metadata { stream.request.fields }

  /// The id of the REST request behind the call, for logs; empty where there is none.
  ///
  /// Read where it lies, as few calls need it.
  public var requestID: String {
    guard sharedCaller != nil else { return "" }
    if let seat { return String(decoding: seat.requestID, as: UTF8.self) }
    return keptRequestID ?? stream.request.fields["latchkey-request-id"] ?? ""
  }

  /// How long ago the call began.
  public var age: Duration { Instant.now - begun }

  /// The trace that the call is recorded in, for logs; nil where it is not.
  public var traceID: String? { span?.context.traceID }

  /// gRPC's name of a code.
  public func statusName(of code: Int32) -> String { CallCounts.name(of: code) }

  /// The account and environment that the call may touch.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when the call brings no credential.
  public func requireTenant() throws(Fault) -> Tenant {
    guard let caller, let account = caller.accountId.flatMap({ UUID($0) }),
      let environment = caller.environment
    else {
      throw Fault(
        .unauthenticated,
        "This call needs an API key",
        reason: .unauthorized,
        detail: "no tenant in the caller's metadata"
      )
    }
    return Tenant(accountID: account, environment: environment == .live ? .live : .test)
  }

  /// Refuses a caller without the method's scope, and one who is no user where only users may call.
  ///
  /// An actor without limits has the one scope `*`. A license key never has a scope: it may call what admits license
  /// keys and nothing else that asks for one, whatever the caller's scopes say.
  func checkScope() throws(Fault) {
    if method.isForUsers, caller?.actorKind != .user {
      throw Fault(.permissionDenied, "Only a user who is logged in may do this", reason: .forbidden)
    }
    guard let scope = method.scope else { return }
    let holdsScope = caller?.scopes.contains { $0 == scope || $0 == "*" } ?? false
    let isAdmitted =
      switch caller?.actorKind {
      case .licenseKey: method.admitsLicenseKeys
      case nil, .anonymous: method.admitsAnonymous || holdsScope
      default: holdsScope
      }
    guard isAdmitted else {
      throw Fault(
        .permissionDenied,
        "The caller lacks the scope \(scope)",
        reason: .forbidden
      )
    }
  }

  // MARK: Answering

  /// Fields of every answer.
  private static let head = HeaderFields([
    "content-type": "application/grpc", "grpc-accept-encoding": "identity",
  ])
  private static let success = HeaderFields(["grpc-status": "0"])

  private func sendHead() {
    guard !hasSentHead else { return }
    hasSentHead = true
    stream.sendHead(status: 200, Call.head, isEnd: false)
  }

  /// Sends the first fields of the answer now, before any message.
  public func sendInitialMetadata(_ metadata: Metadata) {
    // A trunk has said it, and who makes a unary call is not shown any.
    guard seat == nil, !hasSentHead, !isFinished else { return }
    hasSentHead = true
    var fields = Call.head
    fields.append(contentsOf: metadata)
    stream.sendHead(status: 200, fields, isEnd: false)
  }

  func send(_ message: some Message) {
    guard !isFinished else { return }
    sendHead()
    stream.sendBody { MessageFraming.append(message, to: &$0) }
  }

  /// Ends a unary call well.
  func answer(_ message: some Message) {
    guard !isFinished else { return }
    guard let seat else {
      send(message)
      return succeed()
    }
    let fault = seat.trunk.reply(to: seat.id, message, trailers)
    finish(code: fault?.code.rawValue ?? 0)
  }

  /// Ends the call well, after its messages.
  func succeed() {
    guard !isFinished else { return }
    sendHead()
    if trailers.isEmpty {
      stream.finish(Call.success)
    } else {
      // The status joins them, which spares a copy of all.
      trailers.append(contentsOf: Call.success)
      stream.finish(trailers)
    }
    finish(code: 0)
  }

  /// Ends the call with a fault.
  func fail(_ fault: Fault) {
    guard !isFinished else { return }
    if let seat {
      seat.trunk.reply(to: seat.id, fault.trailers(adding: trailers))
    } else if hasSentHead {
      stream.finish(fault.trailers(adding: trailers))
    } else {
      // Nothing was sent: status and head go out as one block ("Trailers-Only").
      hasSentHead = true
      var fields = Call.head
      fields.append(contentsOf: fault.trailers(adding: trailers))
      stream.sendHead(status: 200, fields, isEnd: true)
    }
    finish(code: fault.code.rawValue)
  }

  private func finish(code: Int32) {
    isFinished = true
    if let counts {
      self.counts = nil
      counts.end(code: code, since: begun)
      onEnd?(self, code)
      onEnd = nil
      span?.end(code: code)
    }
    deadlineTimer?.cancel()
    deadlineTimer = nil
    reader?.end()
    reader = nil
    resumeWriter()
    if let seat { seat.trunk.left(seat.id) }
  }

  // MARK: What happens to the call

  /// Has the call ended at its deadline; without effect when it is over already.
  func watchDeadline() {
    // A trunk stays for as long as its connection does.
    guard !isFinished, trunk == nil else { return }
    let timer = LoopTimer { [self] in deadlinePassed() }
    deadlineTimer = timer
    timer.start(at: deadline)
  }

  /// The deadline has passed: the client is told, and the task is cancelled.
  func deadlinePassed() {
    fail(Fault(.deadlineExceeded, "The deadline passed before the call was answered"))
    cancelTask()
  }

  /// The client is gone.
  func streamClosed() {
    let wasRunning = !isFinished
    if wasRunning, seat == nil { keptRequestID = requestID }
    finish(code: Fault.Code.cancelled.rawValue)
    trunk?.closed()
    // It knows this call.
    trunk = nil
    if wasRunning { cancelTask() }
    task = nil
  }

  /// Nobody waits for what the task would answer.
  private func cancelTask() {
    guard let task else { return }
    task.cancel()
    seat?.trunk.lingers(task)
  }

  func resumeWriter() {
    guard let writerWaiting else { return }
    self.writerWaiting = nil
    writerWaiting.resume()
  }
}

extension Call: TrunkPassenger {
  var trunkID: UInt64 { seat?.id ?? 0 }
}
