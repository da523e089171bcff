internal import CCurl
internal import EventLoop

/// One request on its way: it waits for a place, looks its host up, is transferred, and ends exactly once.
@EventLoop
final class Delivery {
  let request: OutgoingRequest
  private unowned let sender: HTTPSender
  /// Told once what came of it.
  private var told: (@EventLoop (Outcome) -> Void)?
  private var startedAt: Instant?
  private var deadline: LoopTimer?
  /// libcurl's part, while there is one.
  private var handle: CurlHandle?
  private(set) var isEnded = false

  init(_ request: OutgoingRequest, sender: HTTPSender) {
    self.request = request
    self.sender = sender
  }

  /// Suspends until the request has ended.
  func run() async -> Outcome {
    await withTaskCancellationHandler {
      if isEnded { return Outcome(failure: .cancelled) }
      return await withCheckedContinuation { continuation in
        run { continuation.resume(returning: $0) }
      }
    } onCancel: {
      EventLoop.perform { self.cancel() }
    }
  }

  /// Lines up; `told` is called once, maybe at once.
  func run(_ told: @escaping @EventLoop (Outcome) -> Void) {
    self.told = told
    sender.admit(self)
  }

  /// Begins, now that there is a place.
  func begin() {
    startedAt = Instant.now
    deadline = LoopTimer(after: sender.limits.total) { [unowned self] in expire() }
    sender.destinations.find(request.url) { [self] destination in located(destination) }
  }

  private func located(_ destination: Destination) {
    guard !isEnded else { return }
    switch destination {
    case .unresolvable:
      end(Outcome(failure: .dns))
    case .refused(let refusal):
      end(Outcome(failure: .blockedAddress, detail: "it is \(refusal.text)"))
    case .addresses(let addresses):
      handle = sender.transfer(self, to: addresses)
    }
  }

  /// The transfer has ended by itself.
  func transferred(_ code: CURLcode) {
    guard let handle else { return }
    end(handle.outcome(code))
  }

  private func expire() {
    guard let handle else {
      let wasAsked = sender.destinations.wasAsked(
        for: request.url,
        during: sender.limits.total / 2
      )
      end(
        wasAsked
          ? Outcome(failure: .timeout, detail: "the host name was not resolved")
          : Outcome(failure: .internalError, detail: "other names were being resolved")
      )
      return
    }
    var outcome = handle.outcome(CURLE_OK)
    outcome.failure = .timeout
    outcome.detail =
      outcome.status != nil
      ? "the reply did not end"
      : outcome.address == nil ? "no connection was made" : "connected, and no reply came"
    end(outcome)
  }

  /// Gives the request up, wherever it is.
  func cancel() {
    guard !isEnded else { return }
    end(Outcome(failure: .cancelled))
  }

  private func end(_ outcome: Outcome) {
    isEnded = true
    deadline?.cancel()
    deadline = nil
    let handle = handle
    self.handle = nil
    var outcome = outcome
    if let startedAt { outcome.duration = Instant.now - startedAt }
    sender.ended(self, wasBegun: startedAt != nil, handle)
    let told = told
    self.told = nil
    told?(outcome)
  }
}
