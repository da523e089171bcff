import CCurl
import Glibc
import Primitives

/// Feeds the reader of webhooks' URLs with what libFuzzer thinks of, and compares what it accepts with what others make
/// of it: libcurl, which connects, and the C library, which reads numbers in more spellings than one would think.
///
/// The first byte chooses the policy.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebhookURL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 0 else { return 0 }
  let bytes = UnsafeBufferPointer(start: start + 1, count: count - 1)
  guard let text = String(validating: bytes, as: UTF8.self) else { return 0 }
  let policy = start[0] % 2 == 0 ? AddressPolicy.publicOnly : closedNetwork
  if let url = try? WebhookURL(text, policy: policy) { check(url, policy) }
  return 0
}

/// What an operator of a closed network allows.
private let closedNetwork: AddressPolicy = {
  do {
    return try AddressPolicy(
      allowedRanges: [AddressRange("10.0.0.0/8"), AddressRange("fc00::/7")],
      allowsPlainHTTP: true
    )
  } catch {
    fatalError("the policy is refused")
  }
}()

/// Stops the fuzzer, which keeps the input; unlike `precondition`, this says why in an optimised build too.
private func check(_ condition: Bool, _ message: StaticString) {
  if !condition { fatalError("\(message)") }
}

private func check(_ url: WebhookURL, _ policy: AddressPolicy) {
  check((try? WebhookURL(url.text, policy: policy)) == url, "the one form of a URL is another URL")
  check(url.scheme == .https || policy.allowsPlainHTTP, "plain HTTP is let through")
  switch url.host {
  case .address(let address):
    check(policy.refusal(of: address, over: url.scheme) == nil, "a refused address is let through")
    check(isOpen(address.bytes, policy), "an address that is not public is let through")
  case .name(let name):
    check(number(name) == nil, "a number is taken for a name")
    check(!name.hasSuffix("."), "a name ends in a dot")
    check(name != "localhost", "this machine is let through by its name")
  }
  checkLibcurl(url)
}

/// Whether an address may be called, by the first bits of what certainly may not: written down here once more, so that
/// a slip in the tables shows.
private func isOpen(_ bytes: [UInt8], _ policy: AddressPolicy) -> Bool {
  let isClosed = !policy.allowedRanges.isEmpty
  if bytes.count == 4 {
    switch (bytes[0], bytes[1]) {
    case (10, _): return isClosed
    case (0, _), (127, _), (169, 254), (192, 168), (224..., _): return false
    case (172, 16...31), (100, 64...127): return false
    default: return true
    }
  }
  // Mapped IPv4 is IPv4; what a NAT64 stands for is judged as that.
  if bytes.starts(with: [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]) {
    return isOpen(Array(bytes[12...]), policy)
  }
  if bytes[0] & 0xFE == 0xFC { return isClosed }
  return bytes[0] & 0xE0 == 0x20 && !bytes.starts(with: [0x20, 0x02])
}

/// The address that the C library takes a text for without asking anybody.
private func number(_ text: String) -> [UInt8]? {
  var address = in_addr()
  if inet_aton(text, &address) != 0 { return withUnsafeBytes(of: address) { Array($0) } }
  var wide = in6_addr()
  if inet_pton(AF_INET6, text, &wide) == 1 { return withUnsafeBytes(of: wide) { Array($0) } }
  return nil
}

/// libcurl, which is given the one form, sees the same host and port, and nobody's name and password.
private func checkLibcurl(_ url: WebhookURL) {
  guard let handle = curl_url() else { fatalError("out of memory") }
  defer { curl_url_cleanup(handle) }
  let flags = UInt32(CURLU_DISALLOW_USER | CURLU_PATH_AS_IS)
  check(
    curl_url_set(handle, CURLUPART_URL, url.text, flags) == CURLUE_OK,
    "libcurl does not read the one form of a URL"
  )
  check(part(CURLUPART_HOST, handle) == url.host.description, "libcurl sees another host")
  check(part(CURLUPART_SCHEME, handle) == url.scheme.rawValue, "libcurl sees another scheme")
  check(part(CURLUPART_PORT, handle) == String(url.port), "libcurl sees another port")
  check(part(CURLUPART_USER, handle) == nil, "libcurl sees a user")
  check(part(CURLUPART_FRAGMENT, handle) == nil, "libcurl sees a fragment")
}

private func part(_ what: CURLUPart, _ handle: OpaquePointer) -> String? {
  var text: UnsafeMutablePointer<CChar>?
  guard curl_url_get(handle, what, &text, UInt32(CURLU_DEFAULT_PORT)) == CURLUE_OK, let text else {
    return nil
  }
  defer { curl_free(text) }
  return String(cString: text)
}
