internal import CNGHTTP2

/// nghttp2's callbacks: free functions that find the session or stream and note what has come.
enum HTTP2Callbacks {
  static func install(on callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, context in
      guard let header else { return 0 }
      return withSession(context) { $0.mayBegin(header.pointee) ? 0 : failure }
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
      guard let frame else { return 0 }
      return withSession(context) { $0.beginHeaders(frame.pointee) }
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _,
      frame,
      name,
      nameLength,
      value,
      valueLength,
      _,
      context in
      guard let frame else { return 0 }
      return withSession(context) { session in
        let isBearable = session.header(
          frame.pointee.hd.stream_id,
          UnsafeRawBufferPointer(start: name, count: nameLength),
          UnsafeRawBufferPointer(start: value, count: valueLength)
        )
        return isBearable ? 0 : failure
      }
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
      guard let frame else { return 0 }
      return withSession(context) { $0.frame(frame.pointee) ? 0 : failure }
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _,
      _,
      id,
      data,
      length,
      context in
      withSession(context) { session in
        if let stream = session.stream(id), !stream.isClosed {
          session.noteData(stream, UnsafeBufferPointer(start: data, count: length))
        } else {
          session.noteIgnored(length)
        }
        return 0
      }
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
      guard let header = frame?.pointee.hd else { return 0 }
      if header.type <= UInt8(NGHTTP2_HEADERS.rawValue) {
        if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
          withSession(context) { $0.noteAnswered(header.stream_id) }
        }
      } else if header.type == UInt8(NGHTTP2_RST_STREAM.rawValue), let frame {
        withSession(context) { $0.noteReset(header.stream_id, frame.pointee.rst_stream.error_code) }
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, context in
      withSession(context) { $0.noteClosed(id, code) }
      return 0
    }
  }

  /// The source of a stream's body: the stream itself, which nghttp2 asks only while it is open.
  static func dataProvider(of stream: HTTP2Stream) -> nghttp2_data_provider {
    var provider = nghttp2_data_provider()
    provider.source.ptr = stream.context
    provider.read_callback = { _, _, buffer, length, flags, source, _ in
      guard let stream = source?.pointee.ptr, let buffer, let flags else {
        return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
      }
      return Unmanaged<HTTP2Stream>.fromOpaque(stream)._withUnsafeGuaranteedRef {
        $0.read(into: buffer, length, &flags.pointee)
      }
    }
    return provider
  }
}

/// What a callback answers that wants the session to end.
private let failure = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)

/// Lends the session that a callback is for.
///
/// No reference is counted, which would be done 14 times a request: whoever has nghttp2 call back holds the session.
@inline(__always)
private func withSession<T>(
  _ context: UnsafeMutableRawPointer?,
  _ body: (HTTP2Session) -> T
) -> T {
  guard let context else { preconditionFailure("nghttp2 has lost its session") }
  return Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef(body)
}

extension HTTP2Session {
  /// Whether the peer may send this frame, as far as nghttp2 does not see to it: it ignores HEADERS
  /// of a stream that was skipped, or closed long ago.
  ///
  /// Source: RFC 9113, section 5.1.1.
  fileprivate func mayBegin(_ header: nghttp2_frame_hd) -> Bool {
    guard role == .server, header.type == UInt8(NGHTTP2_HEADERS.rawValue),
      header.stream_id <= lastOpened, header.stream_id & 1 == 1
    else { return true }
    return stream(header.stream_id) != nil || admitsOnClosed(header.stream_id)
  }

  fileprivate func beginHeaders(_ frame: nghttp2_frame) -> Int32 {
    beginBlock()
    guard frame.hd.type == UInt8(NGHTTP2_HEADERS.rawValue) else { return 0 }
    if role == .server, frame.headers.cat == NGHTTP2_HCAT_REQUEST {
      blockStream = Unmanaged.passUnretained(add(frame.hd.stream_id))
    } else {
      let stream = stream(frame.hd.stream_id)
      blockStream = stream.map { Unmanaged.passUnretained($0) }
      if let stream, stream.isHeadComplete {
        stream.isReadingTrailers = true
        stream.trailers = HeaderFields(roomFor: 2)
      }
    }
    return 0
  }

  /// False when the field block grows beyond all bearing.
  fileprivate func header(
    _ id: Int32,
    _ name: UnsafeRawBufferPointer,
    _ value: UnsafeRawBufferPointer
  ) -> Bool {
    guard admitField(name.count + value.count) else { return false }
    // Field blocks do not interleave (RFC 9113, section 4.3), so no look-up is needed for each field.
    blockStream?._withUnsafeGuaranteedRef { stream in
      if stream.id == id { stream.appendField(name, value, bytesMax: limits.headerBytesMax) }
    }
    return true
  }

  /// A whole frame has come.
  ///
  /// False when the peer floods us.
  fileprivate func frame(_ frame: nghttp2_frame) -> Bool {
    let isAcknowledgement = frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
    switch nghttp2_frame_type(UInt32(frame.hd.type)) {
    case NGHTTP2_HEADERS:
      guard let stream = blockStream?.takeUnretainedValue() else { return true }
      blockStream = nil
      return stream.isClosed ? true : headersComplete(stream, frame)
    case NGHTTP2_DATA:
      guard let stream = stream(frame.hd.stream_id) else { return true }
      if frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        stream.isRequestComplete = true
        stream.hasBodyNews = true
        touch(stream)
      } else if frame.hd.length == 0 {
        return admit(.emptyData)
      }
    case NGHTTP2_PING:
      guard isAcknowledgement else { return admit(.ping) }
      notePong()
    case NGHTTP2_SETTINGS:
      if !isAcknowledgement { return admit(.settings) }
    case NGHTTP2_RST_STREAM: return role == .client || admit(.reset)
    case NGHTTP2_PRIORITY: return admit(.priority)
    case NGHTTP2_WINDOW_UPDATE: return admit(.windowUpdate)
    case NGHTTP2_GOAWAY: noteGoAway()
    default: break
    }
    return true
  }

  private func headersComplete(_ stream: HTTP2Stream, _ frame: nghttp2_frame) -> Bool {
    // An interim answer (1xx) is followed by the real one.
    if role == .client, !stream.isHeadComplete, (100..<200).contains(stream.status) {
      stream.status = 0
      stream.responseFields.removeAll()
      return true
    }
    stream.isHeadComplete = true
    if frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
      stream.isRequestComplete = true
      stream.hasBodyNews = true
    }
    touch(stream)
    return true
  }
}

extension HTTP2Stream {
  /// Puts one field where it belongs; past the limit fields are only counted as too many.
  fileprivate func appendField(
    _ name: UnsafeRawBufferPointer,
    _ value: UnsafeRawBufferPointer,
    bytesMax: Int
  ) {
    if isReadingTrailers {
      guard (trailers?.listBytes ?? 0) + name.count + value.count <= bytesMax else { return }
      trailers?.append(name: name, value: value)
      return
    }
    if name.first == UInt8(ascii: ":") {
      appendPseudoField(name, value, bytesMax: bytesMax)
      return
    }
    switch session.role {
    case .server:
      let size = request.fields.listBytes + request.target.count + name.count + value.count + 32
      guard size <= bytesMax else {
        request.isTooLarge = true
        return
      }
      request.fields.append(name: name, value: value)
    case .client:
      guard responseFields.listBytes + name.count + value.count <= bytesMax else { return }
      responseFields.append(name: name, value: value)
    }
  }

  private func appendPseudoField(
    _ name: UnsafeRawBufferPointer,
    _ value: UnsafeRawBufferPointer,
    bytesMax: Int
  ) {
    // nghttp2 has refused unknown and repeated ones; the names differ in length or second letter.
    switch (name.count, name[1]) {
    case (7, UInt8(ascii: "m")): request.method = RequestHead.Method(value)
    case (5, UInt8(ascii: "p")):
      guard value.count <= bytesMax else {
        request.isTooLarge = true
        return
      }
      request.target.append(contentsOf: value)
    case (10, UInt8(ascii: "a")) where value.count <= bytesMax:
      request.authority.append(contentsOf: value)
    case (7, UInt8(ascii: "s")) where session.role == .client:
      status = value.reduce(0) { $0 * 10 + Int($1 &- 48) }
    default: break
    }
  }
}
