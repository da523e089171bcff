import EventLoop
import Faults
import Testing

@testable import WebhooksSending

/// A sender that may call the loopback, and a name server of its own.
@EventLoop
struct SendingFixture {
  let sender: HTTPSender
  let names: TestNames
  let policy: AddressPolicy

  init(
    limits: SendingLimits = SendingLimits(),
    policy: AddressPolicy? = nil
  ) throws {
    let policy = try policy ?? AddressPolicy(allowsLoopback: true, allowsPlainHTTP: true)
    let names = TestNames(["hooks.test": ["127.0.0.1"]])
    self.policy = policy
    self.names = names
    sender = HTTPSender(
      destinations: Destinations(policy: policy) { await names.resolve($0) },
      limits: limits
    )
  }

  /// A request to a receiver.
  func request(
    _ receiver: ScriptedReceiver,
    path: String = "/hook",
    host: String = "hooks.test",
    headers: [HeaderField] = [HeaderField("Content-Type", "application/json")],
    body: String = #"{"id":"evt_1"}"#,
    trusting authority: String? = nil
  ) throws -> OutgoingRequest {
    let isPlain = receiver.authority.isEmpty
    return OutgoingRequest(
      url: try WebhookURL(
        "\(isPlain ? "http" : "https")://\(host):\(receiver.port)\(path)",
        policy: policy
      ),
      headers: headers,
      body: Array(body.utf8),
      authorities: isPlain ? nil : try TrustedAuthorities(pem: authority ?? receiver.authority)
    )
  }
}

/// A name server in the process.
@EventLoop
final class TestNames {
  /// What names stand for; the first answer is given once while there are more.
  private var answers: [String: [[String]]]
  private(set) var questions: [String] = []
  /// Holds answers back until it is resumed.
  private var gate: [CheckedContinuation<Void, Never>]?

  init(_ names: [String: [String]]) { answers = names.mapValues { [$0] } }

  /// Sets a name's answers, one after the other; the last one stays.
  func set(_ name: String, _ answers: [String]...) { self.answers[name] = answers }

  /// Gives no answer from now on.
  func hang() { gate = [] }

  /// Gives the answers that were held back.
  func goOn() {
    let waiting = gate ?? []
    gate = nil
    for continuation in waiting { continuation.resume() }
  }

  func resolve(_ name: String) async -> Result<[SocketAddress], Fault> {
    questions.append(name)
    if gate != nil { await withCheckedContinuation { gate?.append($0) } }
    guard let all = answers[name], let texts = all.first else {
      return .failure(.unavailable("The host name has no address"))
    }
    if all.count > 1 { answers[name]?.removeFirst() }
    return .success(texts.compactMap { SocketAddress(ip: $0, port: 0) })
  }
}
