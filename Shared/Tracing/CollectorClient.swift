internal import CCurl
internal import Curl
public import EventLoop

/// Posts to a collector, one request at a time.
///
/// The operator names the collector, so it may be anywhere, unlike the receivers of webhooks.
@EventLoop
public final class CollectorClient {
  /// What became of a request.
  enum Outcome: Equatable {
    /// The collector has it.
    case taken
    /// Another try may help.
    case unavailable
    /// The collector does not want it.
    case refused
  }

  /// How long one request may take.
  private static let timeoutMilliseconds = 5_000

  private let handle: UnsafeMutableRawPointer
  private let url: CollectorURL
  private lazy var multi = CurlMulti(idleConnectionsMax: 1) { [unowned self] _, code in
    ended(code)
  }
  private var headers = StringList()
  private var addresses = StringList()
  private var waiting: CheckedContinuation<Outcome, Never>?
  private var isClosed = false

  /// Makes a client.
  ///
  /// - Parameters:
  ///   - url: Where to post.
  ///   - fields: Header fields besides, such as the collector's credentials.
  public init(url: CollectorURL, fields: [(name: String, value: String)]) {
    guard let handle = curl_easy_init() else { preconditionFailure("out of memory") }
    self.handle = handle
    self.url = url
    let all = [("Content-Type", "application/json"), ("Expect", "")] + fields
    headers.begin(
      lineCount: all.count,
      byteCount: all.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 2 }
    )
    for (name, value) in all { headers.append(name, value.isEmpty ? ":" : ": ", value) }
    set(CURLOPT_URL, url.text)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    // Not even from the environment.
    set(CURLOPT_PROXY, "")
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_POST, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_TIMEOUT_MS, CollectorClient.timeoutMilliseconds)
    check(ccurl_easy_set_pointer(handle, CURLOPT_HTTPHEADER, headers.first))
    // What the collector says beside its status is of no use.
    check(ccurl_easy_set_write(handle, CURLOPT_WRITEFUNCTION) { _, size, count, _ in size * count })
  }

  isolated deinit { curl_easy_cleanup(handle) }

  /// Posts a body and waits for the status.
  func post(_ body: [UInt8]) async -> Outcome {
    guard !isClosed else { return .unavailable }
    precondition(waiting == nil, "One request at a time")
    guard await resolve(), !isClosed else { return .unavailable }
    multi.events.takeClosedSockets(of: handle)
    set(CURLOPT_POSTFIELDSIZE, body.count)
    // libcurl copies as many bytes as it was just told.
    body.withUnsafeBytes {
      check(ccurl_easy_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, $0.baseAddress))
    }
    return await withCheckedContinuation {
      waiting = $0
      multi.add(handle)
    }
  }

  /// Gives libcurl the answer to the look-up that it would make on a thread of its own, whose sockets are not the loop's.
  private func resolve() async -> Bool {
    guard let found = try? await EventLoop.resolve(host: url.host, port: url.port), !found.isEmpty
    else { return false }
    let list = found.map { $0.host.contains(":") ? "[\($0.host)]" : $0.host }.joined(separator: ",")
    let key = "+\(url.host):\(url.port)"
    addresses.begin(lineCount: 1, byteCount: key.utf8.count + list.utf8.count + 1)
    addresses.append(key, ":", list)
    // An address that is written as one is connected to as it is.
    let isAddress = found.contains { $0.host == url.host }
    check(ccurl_easy_set_pointer(handle, CURLOPT_RESOLVE, isAddress ? nil : addresses.first))
    return true
  }

  private func ended(_ code: CURLcode) {
    var status = 0
    check(ccurl_easy_get_long(handle, CURLINFO_RESPONSE_CODE, &status))
    finish(code == CURLE_OK ? CollectorClient.outcome(of: status) : .unavailable)
  }

  private func finish(_ outcome: Outcome) {
    guard let waiting else { return }
    self.waiting = nil
    multi.remove(handle)
    waiting.resume(returning: outcome)
  }

  /// Source: OpenTelemetry Protocol 1.3, "Failures", "Retryable Response Codes".
  private static func outcome(of status: Int) -> Outcome {
    switch status {
    case 200...299: .taken
    case 429, 502, 503, 504: .unavailable
    default: .refused
    }
  }

  /// Gives up what is under way, and posts nothing any more.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    finish(.unavailable)
    multi.close()
  }

  // Options fail only when libcurl was built without them or memory has run out.
  private func check(_ code: CURLcode) {
    precondition(code == CURLE_OK, "libcurl: \(String(cString: curl_easy_strerror(code)))")
  }

  private func set(_ option: CURLoption, _ value: Int) {
    check(ccurl_easy_set_long(handle, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) {
    check(value.withCString { ccurl_easy_set_pointer(handle, option, $0) })
  }
}
