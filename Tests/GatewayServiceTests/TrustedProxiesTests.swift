import EventLoop
import HTTP
import Testing

@testable import GatewayService

@Suite struct TrustedProxiesTests {
  /// What is found with 10.0.0.0/8 and 2001:db8::/32 trusted: who connects, what the fields say, whose request it is.
  nonisolated static let cases: [(peer: String, fields: [String], client: String?)] = [
    // Nobody but a trusted proxy is believed.
    ("203.0.113.9", ["198.51.100.1"], nil),
    ("203.0.113.9", [], nil),
    // A proxy that says nothing asks for itself.
    ("10.0.0.1", [], nil),
    ("10.0.0.1", [""], nil),
    ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
    ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
    ("2001:db8::1", ["2001:4860::8"], "2001:4860::8"),
    // The last address that is no proxy's; what is before it, anybody may have written.
    ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", ["1.1.1.1,198.51.100.1 ,10.9.9.9,\t10.8.8.8"], "198.51.100.1"),
    ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.2.3.4"], "198.51.100.1"),
    // All of them proxies: the request began at the first.
    ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
    // With ports, as some write them.
    ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
    ("10.0.0.1", ["[2001:4860::8]:4711"], "2001:4860::8"),
    ("10.0.0.1", ["[2001:4860::8]"], "2001:4860::8"),
    // Garbage ends the search at the proxy that is known.
    ("10.0.0.1", ["unknown"], nil),
    ("10.0.0.1", ["1.1.1.1, unknown, 10.2.2.2"], "10.2.2.2"),
    ("10.0.0.1", ["198.51.100.1, "], nil),
    ("10.0.0.1", ["_hidden"], nil),
    ("10.0.0.1", ["fe80::1%eth0"], nil),
    ("10.0.0.1", ["198.51.100.1.evil.example"], nil),
    ("10.0.0.1", ["198.51.100"], nil),
    ("10.0.0.1", ["0x7f.1"], nil),
    ("10.0.0.1", [String(repeating: "1", count: 4_000)], nil),
    ("10.0.0.1", [String(repeating: "10.1.1.1,", count: 100) + "10.1.1.2"], "10.1.1.1"),
  ]

  @Test(arguments: cases.indices)
  func `the client is who a trusted proxy was called by`(index: Int) throws {
    let (peer, values, client) = Self.cases[index]
    let proxies = try #require(TrustedProxies("10.0.0.0/8, 2001:db8::/32"))
    var fields = HeaderFields()
    for value in values { fields.append("x-forwarded-for", value) }
    let origin = RequestOrigin(
      address: SocketAddress(ip: peer, port: 443),
      identity: nil,
      isSecure: true
    )
    #expect(proxies.client(of: origin, fields)?.host == client)
    #expect(TrustedProxies.none.client(of: origin, fields) == nil)
  }

  @Test(arguments: [
    "10.0.0.0", "10.0.0.1/8", "10.0.0.0/8,", "proxy.example/32", "10.0.0.0/8;::1/128",
  ])
  func `what is no list of ranges is refused`(text: String) {
    #expect(TrustedProxies(text) == nil)
  }

  /// With one of these every client could say that it is another.
  @Test(arguments: [
    "0.0.0.0/0", "::/0", "0.0.0.0/1,128.0.0.0/1", "10.0.0.0/8,::/0", "2000::/3", "10.0.0.0/7",
  ])
  func `a range that holds the internet is refused`(text: String) {
    #expect(TrustedProxies(text) == nil)
  }

  @Test(arguments: ["10.0.0.0/8", "fd00::/8", "203.0.113.9/32"])
  func `the widest private networks are taken`(text: String) {
    #expect(TrustedProxies(text)?.description == text)
  }

  @Test func `a list is shown as it is read`() {
    #expect(TrustedProxies("10.0.0.0/8, ::1/128")?.description == "10.0.0.0/8,::1/128")
  }
}
