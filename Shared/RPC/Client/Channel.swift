public import EventLoop
public import Faults
public import HTTP
internal import Messages
public import Protobuf
public import TLS

/// Calls the methods of one service, wherever its replicas are.
///
/// The channel keeps connections to every address that the name resolves to, and gives each call to the next
/// healthy one in turn. A call fails fast with `unavailable` when nothing is there. A call whose connection was lost is
/// repeated on another one if it is marked idempotent or no server has seen it; what a server answers is final.
@EventLoop
public final class Channel {
  /// Tries of one call in all.
  private static let triesMax = 3
  /// The first pause before a call is repeated; it doubles each time.
  private static let retryPause = Duration.milliseconds(20)

  private let balancer: Balancer

  /// Makes a channel; it connects when the first call comes.
  ///
  /// - Parameters:
  ///   - host: A name or an address.
  ///   - port: The port at every address of the host.
  ///   - tls: The client's settings; nil speaks plaintext, which only tests do.
  ///   - serverName: The name the server's certificate must have.
  ///   - connectionsPerAddress: A few, so that one is not all when it breaks.
  public init(
    host: String,
    port: UInt16,
    tls: TLSContext?,
    serverName: String,
    connectionsPerAddress: Int = 2
  ) {
    balancer = Balancer(
      host: host,
      port: port,
      tls: tls,
      serverName: serverName,
      connectionsPerAddress: connectionsPerAddress
    )
  }

  /// Calls a method with one message in and one out.
  public func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ request: Request,
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) -> Response {
    try await unaryWithTrailers(method, request, options).0
  }

  /// Calls a method with one message in and one out, and gives the trailers too.
  public func unaryWithTrailers<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ request: Request,
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) -> (Response, Metadata) {
    let deadline = deadline(method, options)
    var pause = Channel.retryPause
    var tries = 1
    while true {
      let stream: ClientStream
      do throws(Fault) {
        stream = try await open(method, options, deadline)
      } catch {
        // Nothing was sent, so any method may be tried again, but not for long: nothing is there.
        throw error
      }
      stream.send(request, isLast: true)
      do throws(Fault) {
        guard let response: Response = try await stream.next() else {
          throw .internalError("\(method.path) ended well without an answer")
        }
        // The status comes after the message, and decides.
        guard try await (stream.next() as Response?) == nil else {
          throw .internalError("\(method.path) answered with more than one message")
        }
        guard case .success(let trailers) = stream.outcome else { continue }
        return (response, trailers)
      } catch {
        guard error.code == .unavailable, !stream.hasAnswered,
          method.isIdempotent || !stream.mayHaveRun,
          tries < Channel.triesMax, Instant.now + pause < deadline, !Task.isCancelled
        else { throw error }
      }
      tries += 1
      // Up to half more, so that callers who failed together do not come back together.
      await EventLoop.sleep(for: pause * Double.random(in: 1...1.5))
      pause *= 2
    }
  }

  /// Begins a call whose request or answer is a stream.
  ///
  /// For a server stream, send the one request and finish.
  public func stream<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) -> ClientCall<Request, Response> {
    ClientCall(try await open(method, options, deadline(method, options)))
  }

  /// Opens no more streams, and closes each connection when its calls are through.
  public func close() { balancer.close() }

  private func deadline(_ method: MethodDescriptor, _ options: CallOptions) -> Instant {
    Instant.now + (options.timeout ?? .nanoseconds(method.timeoutNanoseconds))
  }

  private func open(
    _ method: MethodDescriptor,
    _ options: CallOptions,
    _ deadline: Instant
  ) async throws(Fault) -> ClientStream {
    var fields = Channel.fields
    fields.append(
      "grpc-timeout",
      Timeout.format((deadline - Instant.now).nanoseconds),
      isOneOff: true
    )
    if let caller = options.caller {
      var bytes: [UInt8] = []
      caller.encode(appendingTo: &bytes)
      fields.append(binary: "latchkey-caller-bin", bytes)
    }
    fields.append(contentsOf: options.metadata)
    while true {
      let connection = try await balancer.pick(by: deadline)
      let stream = ClientStream()
      if stream.open(on: connection, path: method.path, fields: fields, deadline: deadline) {
        return stream
      }
    }
  }

  private static let fields = HeaderFields([
    "content-type": "application/grpc", "te": "trailers", "grpc-accept-encoding": "identity",
    "user-agent": "latchkey",
  ])
}
