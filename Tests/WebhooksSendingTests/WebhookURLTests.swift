import Primitives
import TestKit
import Testing

@testable import WebhooksSending

/// Which URLs are taken, in which one form they are kept, and what is said about the others.
@Suite struct WebhookURLTests {
  @Test(arguments: ForbiddenURLs.all)
  func `a URL that leads where deliveries must not go is refused`(text: String) {
    #expect(throws: WebhookURL.Refusal.self) { try WebhookURL(text, policy: .publicOnly) }
  }

  @Test func `the table of forbidden URLs is large and has no row twice`() {
    #expect(ForbiddenURLs.all.count >= 150)
    #expect(Set(ForbiddenURLs.all).count == ForbiddenURLs.all.count)
  }

  @Test(arguments: [
    ("https://hooks.example.com", "https://hooks.example.com/"),
    ("https://hooks.example.com/", "https://hooks.example.com/"),
    ("https://hooks.example.com/a/b?c=d&e[]=f", "https://hooks.example.com/a/b?c=d&e[]=f"),
    ("https://hooks.example.com?token=1", "https://hooks.example.com/?token=1"),
    ("HTTPS://Hooks.Example.COM/Path", "https://hooks.example.com/Path"),
    ("https://hooks.example.com./hook", "https://hooks.example.com/hook"),
    ("https://hooks.example.com:443/hook", "https://hooks.example.com/hook"),
    ("https://hooks.example.com:8443/hook", "https://hooks.example.com:8443/hook"),
    (
      "https://hooks.example.com/%C3%BC/../%2e%2e/x", "https://hooks.example.com/%C3%BC/../%2e%2e/x"
    ),
    ("https://hooks.example.com/a@b:c", "https://hooks.example.com/a@b:c"),
    ("https://xn--bcher-kva.example/hook", "https://xn--bcher-kva.example/hook"),
    ("https://my_hooks.example.com/", "https://my_hooks.example.com/"),
    ("https://1e100.net/", "https://1e100.net/"),
    ("https://8.8.8.8/hook", "https://8.8.8.8/hook"),
    ("https://0x08080808/hook", "https://8.8.8.8/hook"),
    ("https://134744072/hook", "https://8.8.8.8/hook"),
    ("https://8.8.2056/hook", "https://8.8.8.8/hook"),
    ("https://[2606:4700:4700:0:0:0:0:1111]/hook", "https://[2606:4700:4700::1111]/hook"),
    ("https://[::ffff:8.8.8.8]:8443/hook", "https://8.8.8.8:8443/hook"),
    ("https://[64:ff9b::8.8.8.8]/hook", "https://[64:ff9b::808:808]/hook"),
  ])
  func `a public URL is kept in one form`(text: String, expected: String) throws {
    let url = try WebhookURL(text, policy: .publicOnly)
    #expect(url.text == expected)
    #expect(try WebhookURL(url.text, policy: .publicOnly) == url)
  }

  @Test(
    arguments: [
      ("https://user@hooks.example.com/", .credentials),
      ("https://hooks.example.com/#x", .fragment),
      ("http://hooks.example.com/", .scheme),
      ("https://hooks.example.com/a b", .malformed),
      ("https://hooks.example.com/%zz", .malformed),
      ("https://hooks.example.com/\"", .malformed),
      ("https://hooks.example.com:99999/", .port),
      ("https://hooks.example.com:25/", .port),
      ("https://%6c/", .host),
      ("https://vault.internal/", .localName),
      ("https://localhost/", .address(.special(.loopback))),
      ("https://10.0.0.1/", .address(.special(.privateNetwork))),
      ("https://169.254.169.254/", .address(.special(.linkLocal))),
      ("https://[fd00:ec2::254]/", .address(.special(.cloudService))),
      ("https://" + String(repeating: "a", count: 64) + ".com/", .host),
      ("https://" + String(repeating: "a.", count: 127) + "com/", .host),
      ("https://hooks.example.com/" + String(repeating: "a", count: 2048), .tooLong),
    ] as [(String, WebhookURL.Refusal.Kind)]
  )
  func `a refusal says of what kind it is`(text: String, kind: WebhookURL.Refusal.Kind) {
    #expect {
      try WebhookURL(text, policy: .publicOnly)
    } throws: { error in
      (error as? WebhookURL.Refusal)?.kind == kind
    }
  }

  @Test func `the longest URL is taken`() throws {
    let text = "https://hooks.example.com/"
    let url = text + String(repeating: "a", count: WebhookURL.bytesMax - text.utf8.count)
    #expect(try WebhookURL(url, policy: .publicOnly).text == url)
  }

  @Test func `a log shows no path and no query`() throws {
    let url = try WebhookURL("https://hooks.example.com/secret?token=secret", policy: .publicOnly)
    var dumped = ""
    dump(url, to: &dumped)
    for text in ["\(url)", String(reflecting: url), dumped] {
      #expect(!text.contains("secret"))
      #expect(text.contains("hooks.example.com"))
    }
  }

  // MARK: What an operator may open

  private static func policy(
    _ ranges: [String] = [],
    loopback: Bool = false,
    http: Bool = false
  ) throws -> AddressPolicy {
    try AddressPolicy(
      allowsLoopback: loopback,
      allowedRanges: ranges.map { try AddressRange($0) },
      allowsPlainHTTP: http
    )
  }

  @Test(arguments: [
    ("https://localhost:3000/hook", true),
    ("https://api.localhost/hook", true),
    ("https://127.0.0.1/hook", true),
    ("https://0x7f.1/hook", true),
    ("https://[::1]/hook", true),
    ("http://localhost:3000/hook", true),
    ("http://127.0.0.1:3000/hook", true),
    ("http://8.8.8.8/hook", false),
    ("https://10.0.0.1/hook", false),
    ("https://vault.internal/hook", false),
    ("https://169.254.169.254/hook", false),
  ])
  func `loopback can be opened for development`(text: String, isTaken: Bool) throws {
    let policy = try WebhookURLTests.policy(loopback: true, http: true)
    #expect(((try? WebhookURL(text, policy: policy)) != nil) == isTaken)
  }

  @Test(arguments: [
    ("https://10.1.2.3/hook", true),
    ("https://10.2.0.1/hook", false),
    ("https://[fd12::1]/hook", true),
    ("https://[fd13::1]/hook", false),
    ("https://[::ffff:10.1.2.3]/hook", true),
    ("https://[64:ff9b::10.1.2.3]/hook", true),
    ("https://100.64.0.1/hook", true),
    ("https://100.100.100.200/hook", false),
    ("https://vault.internal/hook", true),
    ("https://database/hook", true),
    ("https://localhost/hook", false),
    ("https://127.0.0.1/hook", false),
    ("http://10.1.2.3/hook", false),
  ])
  func `private ranges can be opened for a closed network`(text: String, isTaken: Bool) throws {
    let policy = try WebhookURLTests.policy(["10.1.0.0/16", "fd12::/16", "100.64.0.0/10"])
    #expect(((try? WebhookURL(text, policy: policy)) != nil) == isTaken)
  }

  @Test(arguments: [
    "0.0.0.0/0", "8.8.8.8/32", "169.254.0.0/16", "169.254.169.254/32", "127.0.0.0/8", "::/0",
    "fe80::/10", "2000::/3", "10.0.0.0/7", "::1/128", "224.0.0.0/4",
  ])
  func `nothing but private ranges can be opened`(range: String) {
    #expect(throws: AddressPolicy.Refusal.self) { try WebhookURLTests.policy([range]) }
  }

  @Test(
    arguments: [
      ("8.8.8.8", nil), ("1.1.1.1", nil), ("192.0.1.1", nil), ("172.32.0.1", nil),
      ("11.0.0.1", nil),
      ("2606:4700::1111", nil), ("2001:4860:4860::8888", nil), ("64:ff9b::8.8.8.8", nil),
      ("127.8.9.10", .loopback), ("0.0.0.0", .unspecified), ("0.1.1.1", .reserved),
      ("169.254.1.1", .linkLocal), ("198.19.255.255", .benchmark), ("192.0.2.255", .documentation),
      ("255.255.255.255", .broadcast), ("254.0.0.1", .reserved), ("225.1.1.1", .multicast),
      ("::", .unspecified), ("::1", .loopback), ("::2", .tunnel), ("2002:808:808::1", .tunnel),
      ("2001:0:1::1", .tunnel), ("2001:10::1", .reserved), ("64:ff9b:1::1", .reserved),
      ("64:ff9b::192.168.1.1", .privateNetwork), ("febf::1", .linkLocal), ("1::1", .reserved),
    ] as [(String, SpecialAddress?)]
  )
  func `the registries say what is special about an address`(
    text: String,
    expected: SpecialAddress?
  ) throws {
    #expect(SpecialAddresses.kind(of: try #require(IPAddress(text))) == expected)
  }
}
