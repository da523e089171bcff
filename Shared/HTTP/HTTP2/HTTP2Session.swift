internal import CNGHTTP2
internal import EventLoop

/// The frames of one HTTP/2 connection, server or client side, over nghttp2; bytes in, bytes out.
///
/// A plain class owned by a connection on the loop. nghttp2's callbacks, about 14 a request, enter no
/// isolation: they note what has come in the streams, and the owner takes the streams with news when
/// ``receive(_:)`` has returned. Sources: RFC 9113; nghttp2 1.52 manual.
final class HTTP2Session {
  enum Role: Sendable { case server, client }

  let role: Role
  let limits: HTTPLimits
  /// The open streams, in no order; each knows its place, so that none has to be looked for.
  private(set) var streams: [HTTP2Stream] = []
  /// The peer has said that it will open, or take, no more streams.
  private(set) var peerIsGoingAway = false
  /// PING answers that have come.
  private(set) var pongCount = 0
  private var session: OpaquePointer?
  private var touched: [HTTP2Stream] = []
  private var spare: [HTTP2Stream.Storage] = []
  /// The stream whose field block is coming in, one of the open ones; not retained, as each field asks for it.
  var blockStream: Unmanaged<HTTP2Stream>?
  /// Memory kept for later streams; as many as a busy connection has open.
  private static let spareMax = 64
  private var flood = FloodGuard()
  /// Why the peer's frames make an end of the connection.
  private var violation: nghttp2_error_code?
  private var resetStreams = ResetStreams()
  private let sentNames = SentNames()
  /// What the field block being read has come to.
  private var blockBytes = 0
  /// The newest stream of the peer's.
  private(set) var lastOpened: Int32 = 0
  /// The time of the last bytes in or out, so that the callbacks need not ask for it.
  private(set) var now = Instant(nanoseconds: 0)
  private let requestFlush: @EventLoop () -> Void
  private let budget: BodyBudget
  let origin: RequestOrigin
  /// Whether any stream was ever opened.
  private(set) var hasOpened = false

  // `requestFlush` is called when there is output; it must not keep the owner alive.
  @EventLoop
  init(
    _ role: Role,
    limits: HTTPLimits,
    budget: BodyBudget,
    origin: RequestOrigin,
    requestFlush: @escaping @EventLoop () -> Void
  ) {
    self.role = role
    self.limits = limits
    self.budget = budget
    self.origin = origin
    self.requestFlush = requestFlush
    now = Instant.now
    open()
  }

  deinit {
    // nghttp2 does not report the streams of a session that is deleted; the owner has closed them.
    nghttp2_session_del(session)
  }

  private func open() {
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    HTTP2Callbacks.install(on: callbacks)
    var option: OpaquePointer?
    nghttp2_option_new(&option)
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_max_settings(option, 32)
    nghttp2_option_set_max_outbound_ack(option, 1_000)
    nghttp2_option_set_peer_max_concurrent_streams(option, UInt32(limits.streamsMax))
    nghttp2_option_set_max_send_header_block_length(option, 64 * 1024)
    let context = Unmanaged.passUnretained(self).toOpaque()
    let status =
      role == .server
      ? nghttp2_session_server_new2(&session, callbacks, context, option)
      : nghttp2_session_client_new2(&session, callbacks, context, option)
    precondition(status == 0, "nghttp2_session_new: out of memory")
    nghttp2_option_del(option)
    nghttp2_session_callbacks_del(callbacks)
    submitSettings()
  }

  private func submitSettings() {
    var settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
        value: UInt32(role == .server ? limits.streamsMax : 0)
      ),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
        value: UInt32(limits.streamWindowBytes)
      ),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(limits.headerBytesMax)
      ),
    ]
    if role == .client {
      settings.append(
        nghttp2_settings_entry(
          settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue),
          value: 0
        )
      )
    }
    nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
    nghttp2_session_set_local_window_size(
      session,
      UInt8(NGHTTP2_FLAG_NONE.rawValue),
      0,
      Int32(limits.connectionWindowBytes)
    )
  }

  // MARK: Bytes in and out

  /// Takes bytes from the peer.
  ///
  /// False when the connection must end once its output has been sent.
  @EventLoop
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    now = Instant.now
    let count = nghttp2_session_mem_recv(
      session,
      bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
      bytes.count
    )
    if let violation {
      terminate(violation)
      return false
    }
    // Negative: bad preface, callback failure, or a flood that nghttp2 itself has seen.
    guard count == bytes.count else {
      terminate(NGHTTP2_PROTOCOL_ERROR)
      return false
    }
    if wantsWrite { requestFlush() }
    return !isFinished
  }

  /// Whether nghttp2 has frames to send.
  var wantsWrite: Bool { nghttp2_session_want_write(session) != 0 }

  /// Whether both sides are through; the connection closes after its last output.
  var isFinished: Bool {
    nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  /// Appends frames to send, until there is none or the target is passed.
  ///
  /// False after a failure of nghttp2's.
  @EventLoop
  func produce(into output: inout [UInt8], target: Int) -> Bool {
    now = Instant.now
    while output.count < target {
      var data: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &data)
      guard count >= 0 else { return false }
      guard count > 0, let data else { return true }
      output.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
    }
    return true
  }

  /// Moves the streams that have news since the last call to `streams`, in the order in which the news came.
  func takeTouched(into streams: inout [HTTP2Stream]) {
    streams.removeAll(keepingCapacity: true)
    swap(&streams, &touched)
    for stream in streams { stream.isTouched = false }
  }

  /// Keeps the memory of a stream that is over.
  func recycle(_ stream: HTTP2Stream) {
    guard spare.count < HTTP2Session.spareMax else { return }
    spare.append(stream.takeStorage())
  }

  // MARK: What streams do

  @EventLoop func setNeedsFlush() { requestFlush() }

  @EventLoop
  func submitResponse(status: Int, _ fields: HeaderFields, isEnd: Bool, for stream: HTTP2Stream) {
    withUnsafeTemporaryAllocation(byteCount: 3, alignment: 1) { digits in
      digits[0] = UInt8(48 + status / 100 % 10)
      digits[1] = UInt8(48 + status / 10 % 10)
      digits[2] = UInt8(48 + status % 10)
      let status = nghttp2_nv(":status", UnsafeRawBufferPointer(digits))
      fields.withNameValues(status, sent: sentNames) { values in
        if isEnd {
          nghttp2_submit_response(session, stream.id, values.baseAddress, values.count, nil)
        } else {
          var provider = HTTP2Callbacks.dataProvider(of: stream)
          nghttp2_submit_response(session, stream.id, values.baseAddress, values.count, &provider)
        }
      }
    }
  }

  func submitTrailers(_ trailers: HeaderFields, for stream: HTTP2Stream) {
    trailers.withNameValues(sent: sentNames) { values in
      _ = nghttp2_submit_trailer(session, stream.id, values.baseAddress, values.count)
    }
  }

  @EventLoop
  func submitReset(_ code: StreamError, for stream: HTTP2Stream) {
    nghttp2_submit_rst_stream(
      session,
      UInt8(NGHTTP2_FLAG_NONE.rawValue),
      stream.id,
      code.rawValue
    )
  }

  @EventLoop
  func resumeData(of stream: HTTP2Stream) { nghttp2_session_resume_data(session, stream.id) }

  @EventLoop
  func consume(_ count: Int, of stream: HTTP2Stream) {
    nghttp2_session_consume(session, stream.id, count)
    if wantsWrite { requestFlush() }
  }

  /// Gives back what a closed stream held: its share of the connection's window and of the body budget.
  @EventLoop
  func settle(_ stream: HTTP2Stream) {
    nghttp2_session_consume_connection(session, stream.unacknowledged)
    stream.unacknowledged = 0
    release(stream.budgeted)
    stream.budgeted = 0
    if wantsWrite { requestFlush() }
  }

  @EventLoop func reserve(_ count: Int) -> Bool { budget.reserve(count) }
  @EventLoop func release(_ count: Int) { budget.release(count) }

  /// Opens a stream from the client's side.
  ///
  /// Nil when the session takes no more.
  @EventLoop
  func submitRequest(
    method: StaticString,
    path: String,
    authority: String,
    fields: HeaderFields
  ) -> HTTP2Stream? {
    guard !peerIsGoingAway else { return nil }
    var authority = authority
    var path = path
    let stream = makeStream()
    let id = authority.withUTF8 { authority in
      path.withUTF8 { path in
        submitRequest(
          method,
          UnsafeRawBufferPointer(path),
          UnsafeRawBufferPointer(authority),
          fields,
          for: stream
        )
      }
    }
    guard id > 0 else { return nil }
    keep(stream, id)
    stream.markSubmitted()
    requestFlush()
    return stream
  }

  private func submitRequest(
    _ method: StaticString,
    _ path: UnsafeRawBufferPointer,
    _ authority: UnsafeRawBufferPointer,
    _ fields: HeaderFields,
    for stream: HTTP2Stream
  ) -> Int32 {
    let scheme: StaticString = origin.isSecure ? "https" : "http"
    return fields.withNameValues(
      nghttp2_nv(":method", method.span),
      nghttp2_nv(":scheme", scheme.span),
      nghttp2_nv(":path", path),
      nghttp2_nv(":authority", authority),
      sent: sentNames
    ) { values in
      var provider = HTTP2Callbacks.dataProvider(of: stream)
      return nghttp2_submit_request(
        session,
        nil,
        values.baseAddress,
        values.count,
        &provider,
        stream.context
      )
    }
  }

  // MARK: The end

  /// Asks the peer to open no more streams; what is open is served.
  ///
  /// Source: RFC 9113, section 6.8.
  @EventLoop
  func beginDraining() {
    nghttp2_submit_shutdown_notice(session)
    requestFlush()
  }

  /// After ``beginDraining()``, refuses what was opened since and ends once the open streams are through.
  @EventLoop
  func finishDraining() {
    nghttp2_submit_goaway(
      session,
      UInt8(NGHTTP2_FLAG_NONE.rawValue),
      nghttp2_session_get_last_proc_stream_id(session),
      NGHTTP2_NO_ERROR.rawValue,
      nil,
      0
    )
    requestFlush()
  }

  /// Sends a PING.
  @EventLoop
  func ping() {
    nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    requestFlush()
  }

  /// Ends the session with an error; the connection closes when the GOAWAY is out.
  @EventLoop
  func terminate(_ code: nghttp2_error_code) {
    nghttp2_session_terminate_session(session, code.rawValue)
    requestFlush()
  }

  /// Ends the session because the peer takes too long.
  @EventLoop
  func terminateIdle() { terminate(NGHTTP2_NO_ERROR) }

  /// Marks all streams closed, when the connection is gone, and gives them out as touched.
  @EventLoop
  func closeAll() {
    for stream in streams.sorted(by: { $0.id < $1.id }) {
      stream.wasConnectionLost = true
      nghttp2_session_set_stream_user_data(session, stream.id, nil)
      close(stream)
    }
    streams.removeAll()
    blockStream = nil
  }

  // MARK: What the callbacks note

  /// The peer opens a stream.
  func add(_ id: Int32) -> HTTP2Stream {
    let stream = makeStream()
    keep(stream, id)
    nghttp2_session_set_stream_user_data(session, id, stream.context)
    return stream
  }

  private func makeStream() -> HTTP2Stream {
    HTTP2Stream(session: self, storage: spare.popLast() ?? HTTP2Stream.Storage())
  }

  private func keep(_ stream: HTTP2Stream, _ id: Int32) {
    stream.id = id
    stream.openedAt = now
    stream.progressAt = now
    stream.place = streams.count
    streams.append(stream)
    hasOpened = true
    lastOpened = id
  }

  func stream(_ id: Int32) -> HTTP2Stream? {
    guard let context = nghttp2_session_get_stream_user_data(session, id) else { return nil }
    return Unmanaged<HTTP2Stream>.fromOpaque(context).takeUnretainedValue()
  }

  /// Whether there are streams with news.
  var hasTouched: Bool { !touched.isEmpty }

  func touch(_ stream: HTTP2Stream) {
    guard !stream.isTouched else { return }
    stream.isTouched = true
    touched.append(stream)
  }

  func touchDrained(_ stream: HTTP2Stream) {
    stream.hasDrained = true
    touch(stream)
  }

  func noteClosed(_ id: Int32, _ code: UInt32) {
    guard let stream = stream(id) else { return }
    if blockStream?.toOpaque() == stream.context { blockStream = nil }
    let last = streams.removeLast()
    if last !== stream {
      streams[stream.place] = last
      last.place = stream.place
    }
    stream.errorCode = code
    close(stream)
  }

  private func close(_ stream: HTTP2Stream) {
    stream.isClosed = true
    touch(stream)
  }

  func noteData(_ stream: HTTP2Stream, _ bytes: UnsafeBufferPointer<UInt8>) {
    stream.received.append(contentsOf: bytes)
    stream.unacknowledged += bytes.count
    stream.hasBodyNews = true
    stream.progressAt = now
    touch(stream)
  }

  /// Bytes of DATA frames that no stream takes: padding, and data for streams that are gone.
  func noteIgnored(_ count: Int) {
    nghttp2_session_consume_connection(session, count)
  }

  /// The answer is out in full: a peer that still sends its request is told to stop.
  func noteAnswered(_ id: Int32) {
    guard role == .server, let stream = stream(id), !stream.isRequestComplete else { return }
    nghttp2_submit_rst_stream(
      session,
      UInt8(NGHTTP2_FLAG_NONE.rawValue),
      id,
      NGHTTP2_NO_ERROR.rawValue
    )
  }

  func notePong() { pongCount += 1 }

  func noteGoAway() { peerIsGoingAway = true }

  /// Counts a frame that costs us something.
  ///
  /// False when the session must end.
  func admit(_ kind: FloodGuard.Kind) -> Bool {
    if flood.admit(kind, at: now) { return true }
    violation = NGHTTP2_ENHANCE_YOUR_CALM
    return false
  }

  /// How much larger than allowed a field block may get before it ends the connection: what a client with too
  /// large a cookie sends is answered with a status, and what HPACK blows up from one octet a field is not read.
  private static let blockFactorMax = 16

  /// A field block begins; blocks of different streams never mix (RFC 9113, section 4.3).
  func beginBlock() { blockBytes = 0 }

  /// Counts a decoded field.
  ///
  /// False when the session must end.
  func admitField(_ bytes: Int) -> Bool {
    blockBytes += bytes + 32
    if blockBytes <= limits.headerBytesMax * HTTP2Session.blockFactorMax { return true }
    violation = NGHTTP2_ENHANCE_YOUR_CALM
    return false
  }

  /// Whether a frame on a closed stream is one that crossed our reset; any other ends the connection.
  func admitsOnClosed(_ id: Int32) -> Bool {
    if resetStreams.contains(id) { return true }
    violation = NGHTTP2_STREAM_CLOSED
    return false
  }

  /// We have reset a stream.
  ///
  /// Where the peer made us, it counts like a reset of its own.
  ///
  /// Source: CVE-2025-8671, in which a peer has its streams reset by small errors, as fast as it can open them.
  func noteReset(_ id: Int32, _ code: UInt32) {
    resetStreams.note(id)
    switch nghttp2_error_code(code) {
    case NGHTTP2_PROTOCOL_ERROR, NGHTTP2_FLOW_CONTROL_ERROR, NGHTTP2_STREAM_CLOSED,
      NGHTTP2_FRAME_SIZE_ERROR:
      _ = admit(.reset)
    default: break
    }
  }
}
