internal import EventLoop
internal import Faults
internal import HTTP
internal import Messages
internal import Protobuf
internal import RPC

/// Bodies that are passed on as they are, piece by piece, with as much in memory as the windows of both sides hold.
extension Gateway {
  /// The most bytes of a body in one message.
  private static let pieceBytesMax = 64 * 1024

  /// Sends a body to the service of a route, and makes the answer of what comes back.
  ///
  /// - Parameters:
  ///   - route: A route whose request is raw.
  ///   - parameters: The encoded fields of path and query, which every message has.
  ///   - body: The body.
  ///   - exchange: The request.
  /// - Returns: What the service answered, as JSON.
  /// - Throws: ``Fault`` of the service, or of a body that is too large.
  func upload(
    _ route: ServedRoute,
    _ parameters: [UInt8],
    _ body: RawBodyReader,
    for exchange: Exchange
  ) async throws(Fault) -> Answer.Content {
    let call = try await open(route, sending: parameters, for: exchange)
    do throws(Fault) {
      while let bytes = try await body.next() {
        var rest = bytes[...]
        while !rest.isEmpty {
          var message = RawMessage(parameters)
          message.append(rest.prefix(Self.pieceBytesMax), as: route.rawField)
          rest = rest.dropFirst(Self.pieceBytesMax)
          try await call.send(message)
        }
      }
      call.finishSending()
      guard let response = try await call.next(), try await call.next() == nil else {
        throw .internalError("\(route.route.rpc) did not answer with one message")
      }
      return try await answer(route, response.bytes, call.trailers)
    } catch {
      call.cancel()
      throw error
    }
  }

  /// Makes the call of a route and sends the body that comes back on to the client.
  ///
  /// Before the first piece nothing is sent, so what fails until then is an error as any other.
  func download(
    _ route: ServedRoute,
    _ request: [UInt8],
    for exchange: Exchange
  ) async throws(Fault) {
    let call = try await open(route, sending: request, for: exchange)
    call.finishSending()
    do throws(Fault) {
      var piece = try await call.next()
      guard exchange.beginRawAnswer(route.route.mediaType) else {
        // The client is gone, or wanted only the head.
        call.cancel()
        return
      }
      while let message = piece {
        if !message.bytes.isEmpty {
          guard let range = message.value(of: route.rawField) else {
            throw .internalError("\(route.route.rpc) sent a piece without bytes")
          }
          await exchange.sendRaw(message.bytes[range])
        }
        piece = try await call.next()
      }
      exchange.endRawAnswer()
    } catch {
      call.cancel()
      throw error
    }
  }

  /// Begins the call of a route and sends its first message.
  private func open(
    _ route: ServedRoute,
    sending message: [UInt8],
    for exchange: Exchange
  ) async throws(Fault) -> ClientCall<RawMessage, RawMessage> {
    let call: ClientCall<RawMessage, RawMessage> = try await channel(of: route).stream(
      route.method,
      options(route, message, exchange)
    )
    exchange.whenCancelled { call.cancel() }
    try await call.send(RawMessage(message))
    return call
  }
}
