internal import EventLoop
internal import Faults
internal import Glibc
internal import HTTP
internal import Tracing

/// Turns streams into calls.
@EventLoop
final class Dispatcher: RequestHandler, Flushable {
  private unowned let server: RPCServer
  private var watched: [Call] = []

  init(_ server: RPCServer) { self.server = server }

  func receivedHead(_ stream: any ServerStream) {
    let request = stream.request
    guard request.method == .post else {
      refuse(stream, status: 405)
      return
    }
    guard let type = request.fields.bytes(of: "content-type"), Dispatcher.isGRPC(type) else {
      refuse(stream, status: 415)
      return
    }
    do throws(Fault) {
      let call = try server.begin(stream, request)
      stream.attachment = call
      watch(call)
    } catch {
      let call = Call(
        method: MethodDescriptor(path: ""),
        stream: stream,
        begun: stream.openedAt,
        deadline: Instant.now,
        peerIdentity: nil,
        caller: nil
      )
      call.begin(server.refused, nil, nil)
      call.fail(error)
    }
  }

  /// Gives a call its timer at the end of the tick, if it still needs one: most calls are over by then.
  private func watch(_ call: Call) {
    if watched.isEmpty { EventLoop.flushAtEndOfTick(self) }
    watched.append(call)
  }

  func flush() {
    for call in watched { call.watchDeadline() }
    watched.removeAll(keepingCapacity: true)
  }

  /// The call on a stream: nothing else is ever attached to the streams of this handler.
  private func call(on stream: any ServerStream) -> Call? {
    // No `map`: the runtime checks each time that a closure of the loop's is called on the loop.
    guard let attachment = stream.attachment else { return nil }
    return unsafeDowncast(attachment, to: Call.self)
  }

  func receivedBody(_ stream: any ServerStream) {
    guard let call = call(on: stream), !call.isFinished else {
      // Answered already; whatever else comes is dropped.
      _ = stream.takeReceived()
      return
    }
    if let trunk = call.trunk {
      trunk.received()
      return
    }
    if let reader = call.reader {
      reader.wake()
      return
    }
    guard let start = call.unaryStart else { return }
    do throws(Fault) {
      guard let range = try MessageFraming.next(in: stream.received, from: 0) else {
        guard !stream.isRequestComplete else {
          throw Fault(
            .internalError,
            stream.received.isEmpty
              ? "The call ended without its request message"
              : "The request ended in the middle of a message"
          )
        }
        stream.acknowledgeReceived()
        return
      }
      guard stream.isRequestComplete else {
        if stream.received.count > range.upperBound {
          throw Fault(.unimplemented, "A unary call takes one request message")
        }
        return
      }
      guard stream.received.count == range.upperBound else {
        throw Fault(.unimplemented, "A unary call takes one request message")
      }
      call.unaryStart = nil
      Span.with(call.span) { start(call, stream.received, range) }
      stream.dropReceived()
    } catch {
      call.fail(error)
    }
  }

  func drained(_ stream: any ServerStream) {
    guard let call = call(on: stream) else { return }
    call.resumeWriter()
    call.trunk?.received()
  }

  func closed(_ stream: any ServerStream) { call(on: stream)?.streamClosed() }

  private func refuse(_ stream: any ServerStream, status: Int) {
    stream.sendHead(status: status, HeaderFields(), isEnd: true)
  }

  /// `application/grpc`, alone or with a suffix or parameters.
  private nonisolated static func isGRPC(_ type: ArraySlice<UInt8>) -> Bool {
    let name: StaticString = "application/grpc"
    let length = name.utf8CodeUnitCount
    return type.withUnsafeBytes { bytes in
      guard bytes.count >= length, let start = bytes.baseAddress,
        memcmp(start, name.utf8Start, length) == 0
      else {
        return false
      }
      if bytes.count == length || bytes[length] == UInt8(ascii: ";") { return true }
      return bytes[length] == UInt8(ascii: "+") && bytes[(length + 1)...].starts(with: "proto".utf8)
    }
  }
}
