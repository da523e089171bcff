public import EventLoop
public import Faults
internal import HTTP
internal import Primitives
public import Protobuf
internal import Tracing

/// A method and what serves it, without the types of its messages.
@EventLoop
public struct Method {
  /// What is known of the method.
  public let descriptor: MethodDescriptor
  /// What is counted of its calls; nil where those are no work of their own, as what carries other calls.
  let counts: CallCounts?
  /// Begins to serve a call whose head has come.
  let start: @EventLoop (Call) -> Void
  /// Serves a unary call whose one message is in a range of the bytes; nil where messages are streamed.
  let serve: Serve?

  typealias Serve = @EventLoop (Call, [UInt8], Range<Int>) -> Void

  init(
    _ descriptor: MethodDescriptor,
    isCounted: Bool = true,
    _ start: @escaping @EventLoop (Call) -> Void
  ) {
    self.descriptor = descriptor
    self.start = start
    counts = isCounted ? CallCounts() : nil
    serve = nil
  }

  private init(_ descriptor: MethodDescriptor, serve: @escaping Serve) {
    self.descriptor = descriptor
    self.serve = serve
    counts = CallCounts()
    start = { call in call.unaryStart = serve }
  }

  /// One message in, one out.
  public static func unary<Request: Message, Response: Message>(
    _ descriptor: MethodDescriptor,
    _ body: @escaping @EventLoop (Request, Call) async throws(Fault) -> Response
  ) -> Method {
    // Its message is decoded before a task is made, so that a call with bad bytes costs none.
    let serve: Serve = { call, bytes, range in
      // In an object, as the task would get a copy of the message, with a reference counted for each string.
      let request: Boxed<Request>
      do throws(Fault) {
        request = Boxed(try MessageFraming.decode(range, of: bytes))
      } catch {
        call.fail(error)
        return
      }
      // Written out, as each closure between the task and the method costs an allocation and two checks of the executor.
      call.task = EventLoop.spawn {
        do throws(Fault) {
          call.answer(try await body(request.value, call))
        } catch {
          call.fail(error)
        }
        call.task = nil
      }
    }
    return Method(descriptor, serve: serve)
  }

  /// One message in, one out, begun without a task.
  public static func taskless<Request: Message, Response: Message>(
    _ descriptor: MethodDescriptor,
    _ body: @escaping @EventLoop (Request, Call, Reply<Response>) -> Void
  ) -> Method {
    let serve: Serve = { call, bytes, range in
      let request: Request
      do throws(Fault) {
        request = try MessageFraming.decode(range, of: bytes)
      } catch {
        call.fail(error)
        return
      }
      EventLoop.countJobless()
      body(request, call, Reply(call))
    }
    return Method(descriptor, serve: serve)
  }

  /// One message in, a stream out.
  public static func serverStreaming<Request: Message, Response: Message>(
    _ descriptor: MethodDescriptor,
    _ body:
      @escaping @EventLoop (Request, ResponseWriter<Response>, Call) async throws(Fault) -> Void
  ) -> Method {
    serverStreaming(descriptor, isCounted: true, body)
  }

  static func serverStreaming<Request: Message, Response: Message>(
    _ descriptor: MethodDescriptor,
    isCounted: Bool,
    _ body:
      @escaping @EventLoop (Request, ResponseWriter<Response>, Call) async throws(Fault) -> Void
  ) -> Method {
    Method(descriptor, isCounted: isCounted) { call in
      let requests = RequestReader<Request>(call.openReader())
      call.run { () async throws(Fault) in
        guard let request = try await requests.next() else {
          throw Fault(.internalError, "The call ended without its request message")
        }
        try await body(request, ResponseWriter(call), call)
      }
    }
  }

  /// A stream in, one message out.
  public static func clientStreaming<Request: Message, Response: Message>(
    _ descriptor: MethodDescriptor,
    _ body: @escaping @EventLoop (RequestReader<Request>, Call) async throws(Fault) -> Response
  ) -> Method {
    Method(descriptor) { call in
      let requests = RequestReader<Request>(call.openReader())
      call.run { () async throws(Fault) in call.send(try await body(requests, call)) }
    }
  }

  /// A stream in, a stream out, at the same time.
  public static func bidirectional<Request: Message, Response: Message>(
    _ descriptor: MethodDescriptor,
    _ body:
      @escaping @EventLoop (
        RequestReader<Request>, ResponseWriter<Response>, Call
      ) async throws(Fault) -> Void
  ) -> Method {
    Method(descriptor) { call in
      let requests = RequestReader<Request>(call.openReader())
      call.run { () async throws(Fault) in try await body(requests, ResponseWriter(call), call) }
    }
  }
}

extension Call {
  /// Starts the task that serves the call, and ends the call with what it comes to.
  func run(_ body: @escaping @EventLoop () async throws(Fault) -> Void) {
    Span.with(span) {
      task = EventLoop.spawn { [self] in
        do throws(Fault) {
          try await body()
          succeed()
        } catch {
          fail(error)
        }
        task = nil
      }
    }
  }

  func openReader() -> RequestBuffer {
    let buffer = RequestBuffer(stream)
    reader = buffer
    return buffer
  }

  /// Suspends while more is waiting to be sent than a stream should hold.
  func waitForDrain() async {
    while stream.outputPending > RPCServer.outputHighWater, !isFinished, !stream.isClosed {
      await withCheckedContinuation { writerWaiting = $0 }
    }
  }
}
