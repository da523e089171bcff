internal import CCurl
internal import Curl
internal import EventLoop

/// Owns a libcurl handle, which carries one request at a time and is used again for the next.
///
/// A plain class of the loop's isolation. What is the same for all requests is set once; header list and body live in
/// memory of its own that grows to the largest request, so that a request allocates next to nothing.
final class CurlHandle {
  let pointer: UnsafeMutableRawPointer
  let exchange: Exchange
  private var headers = StringList()
  private var resolve = StringList()
  private var body = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
  private let errorText: UnsafeMutablePointer<CChar>
  /// Kept alive while libcurl refers to its bytes.
  private var authorities: TrustedAuthorities?

  /// libcurl reads replies through a buffer of this size; replies are small.
  private static let receiveBufferBytes = 4096

  init(exchange: Exchange, limits: SendingLimits, events: MultiEvents, userAgent: String) {
    guard let pointer = curl_easy_init() else { preconditionFailure("out of memory") }
    self.pointer = pointer
    self.exchange = exchange
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    setProtocol(limits)
    setIsolation(userAgent)
    setCallbacks(events)
  }

  deinit {
    curl_easy_cleanup(pointer)
    body.deallocate()
    errorText.deallocate()
  }

  // MARK: What is the same for all requests

  private func setProtocol(_ limits: SendingLimits) {
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
    // A burst to a receiver that speaks HTTP/2 shares the connection that the first request of it makes.
    set(CURLOPT_PIPEWAIT, 1)
    set(CURLOPT_POST, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_CONNECTTIMEOUT_MS, Int(limits.connect.nanoseconds / 1_000_000))
    set(CURLOPT_MAXLIFETIME_CONN, Int(limits.connectionAge.nanoseconds / 1_000_000_000))
    set(CURLOPT_BUFFERSIZE, CurlHandle.receiveBufferBytes)
    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
    // The bundle in one file holds the same; libcurl keeps it parsed only where there is no folder besides.
    check(ccurl_easy_set_pointer(pointer, CURLOPT_CAPATH, nil))
    // Replies are shown as they came, and a small one cannot become a large one.
    set(CURLOPT_HTTP_CONTENT_DECODING, 0)
  }

  /// Shuts out what the process's surroundings could bring in.
  private func setIsolation(_ userAgent: String) {
    // Not even from the environment.
    set(CURLOPT_PROXY, "")
    set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
    set(CURLOPT_USERAGENT, userAgent)
    check(ccurl_easy_set_pointer(pointer, CURLOPT_ERRORBUFFER, errorText))
  }

  private func setCallbacks(_ events: MultiEvents) {
    let exchange = Unmanaged.passUnretained(exchange).toOpaque()
    check(
      ccurl_easy_set_write(pointer, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
        CurlHandle.receive(bytes, size * count, context) { $0.received(line: $1) }
      }
    )
    check(ccurl_easy_set_pointer(pointer, CURLOPT_HEADERDATA, exchange))
    check(
      ccurl_easy_set_write(pointer, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
        CurlHandle.receive(bytes, size * count, context) { $0.received(body: $1) }
      }
    )
    check(ccurl_easy_set_pointer(pointer, CURLOPT_WRITEDATA, exchange))
    check(
      ccurl_easy_set_opensocket(pointer) { context, _, target in
        guard let context, let target else { return -1 }
        return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().open(target)
      }
    )
    check(ccurl_easy_set_pointer(pointer, CURLOPT_OPENSOCKETDATA, exchange))
    events.takeClosedSockets(of: pointer)
  }

  /// Passes bytes on; answers how many were taken, where fewer than there are end the transfer.
  private static func receive(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?,
    _ take: (Exchange, UnsafeRawBufferPointer) -> Bool
  ) -> Int {
    guard let context, let bytes else { return 0 }
    let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
    return take(exchange, UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
  }

  // MARK: One request

  /// Takes up a request to a host with the given vetted addresses.
  func prepare(_ request: OutgoingRequest, addresses: [IPAddress]) {
    exchange.begin(scheme: request.url.scheme, addresses: addresses)
    errorText.pointee = 0
    set(CURLOPT_URL, request.url.text)
    setHeaders(request.headers)
    pin(request.url, to: addresses)
    copy(request.body)
    set(CURLOPT_POSTFIELDSIZE, request.body.count)
    check(ccurl_easy_set_pointer(pointer, CURLOPT_POSTFIELDS, body.baseAddress))
    if authorities != nil || request.authorities != nil {
      authorities = request.authorities
      check(
        ccurl_easy_set_authorities(
          pointer,
          authorities?.pem.baseAddress,
          authorities?.pem.count ?? 0
        )
      )
    }
  }

  private func setHeaders(_ fields: [HeaderField]) {
    let byteCount = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 }
    headers.begin(lineCount: fields.count + 1, byteCount: byteCount + 7)
    for field in fields { headers.append(field.name, ": ", field.value) }
    // Not to wait for leave to send a large body.
    headers.append("Expect", ":", "")
    check(ccurl_easy_set_pointer(pointer, CURLOPT_HTTPHEADER, headers.first))
  }

  /// Gives libcurl the answer to the look-up that it would make.
  ///
  /// The `+` lets the answer age like any other, so that libcurl forgets names that are not called any more; each
  /// request brings it anew.
  private func pin(_ url: WebhookURL, to addresses: [IPAddress]) {
    guard case .name(let name) = url.host else {
      // An address is connected to as it is.
      check(ccurl_easy_set_pointer(pointer, CURLOPT_RESOLVE, nil))
      return
    }
    let list = addresses.map { $0.isIPv6 ? "[\($0)]" : $0.description }.joined(separator: ",")
    let key = "+\(name):\(url.port)"
    resolve.begin(lineCount: 1, byteCount: key.utf8.count + list.utf8.count + 1)
    resolve.append(key, ":", list)
    check(ccurl_easy_set_pointer(pointer, CURLOPT_RESOLVE, resolve.first))
  }

  private func copy(_ bytes: [UInt8]) {
    if body.count < bytes.count {
      body.deallocate()
      body = .allocate(byteCount: bytes.count, alignment: 16)
    }
    body.copyBytes(from: bytes)
  }

  /// What came of the request.
  func outcome(_ code: CURLcode) -> Outcome {
    var outcome = Outcome(failure: failure(code))
    let status = long(CURLINFO_RESPONSE_CODE)
    // Interim replies (1xx) are not the reply.
    if status >= 200 { outcome.status = status }
    outcome.detail = outcome.failure.flatMap(detail(of:))
    outcome.replyHead = exchange.head
    outcome.replyBody = exchange.body
    outcome.retryAfter = exchange.retryAfter
    outcome.address = connectedAddress
    outcome.httpVersion =
      switch long(CURLINFO_HTTP_VERSION) {
      case CURL_HTTP_VERSION_1_0: "1.0"
      case CURL_HTTP_VERSION_1_1: "1.1"
      case CURL_HTTP_VERSION_2_0: "2"
      default: nil
      }
    return outcome
  }

  /// libcurl's words, where they say more than the failure itself.
  ///
  /// They may quote the receiver (the name in a certificate), so only printable ASCII is kept.
  private func detail(of failure: SendingFailure) -> String? {
    switch failure {
    case .refused, .tls, .timeout, .reset, .malformedReply, .internalError:
      String(
        decoding: String(cString: errorText).utf8.filter { (0x20...0x7E).contains($0) },
        as: UTF8.self
      )
    case .dns, .blockedAddress, .headTooLarge, .bodyTooLarge, .cancelled: nil
    }
  }

  /// The address that the request went to; nil when there is no connection.
  var connectedAddress: IPAddress? {
    var text: UnsafePointer<CChar>?
    check(ccurl_easy_get_string(pointer, CURLINFO_PRIMARY_IP, &text))
    return text.flatMap { IPAddress(String(cString: $0)) }
  }

  private func failure(_ code: CURLcode) -> SendingFailure? {
    // That is nothing the receiver has done.
    if exchange.isOutOfSockets, code != CURLE_OK { return .internalError }
    if exchange.wasBlocked { return code == CURLE_OK ? nil : .blockedAddress }
    if exchange.isHeadTooLarge { return .headTooLarge }
    if exchange.isBodyTooLarge { return .bodyTooLarge }
    // libcurl takes a head that breaks off for a whole one.
    return SendingFailure(code) ?? (exchange.isHeadComplete ? nil : .reset)
  }

  // MARK: Options

  // Options fail only when libcurl was built without them or memory has run out.
  private func check(_ code: CURLcode) {
    precondition(code == CURLE_OK, "libcurl: \(String(cString: curl_easy_strerror(code)))")
  }

  private func set(_ option: CURLoption, _ value: Int) {
    check(ccurl_easy_set_long(pointer, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) {
    check(value.withCString { ccurl_easy_set_pointer(pointer, option, $0) })
  }

  private func long(_ info: CURLINFO) -> Int {
    var value = 0
    check(ccurl_easy_get_long(pointer, info, &value))
    return value
  }
}
