import CCurl
import Cryptography
import Curl
import EventLoop
import Glibc
import Primitives
import TestKit
import Testing

@testable import WebhooksSending

/// Where deliveries go: vetted when an endpoint is registered, when a delivery begins, and when a socket is opened.
@Suite(.onLoop, .serialized, .timeLimit(.minutes(1))) struct DestinationTests {
  /// One address for each row of the registries, and both spellings of IPv4 in IPv6.
  private static let forbiddenAddresses = [
    "127.0.0.1", "127.255.0.9", "10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "168.63.129.16", "100.100.100.200", "0.0.0.0", "0.1.2.3", "192.0.0.192",
    "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.251",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001::1",
    "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
    "3fff::1", "100::1",
  ]

  // MARK: Registration

  @Test(arguments: forbiddenAddresses)
  @EventLoop func `a name of a forbidden address is refused when an endpoint is registered`(
    address: String
  ) async throws {
    let names = TestNames(["hooks.example.com": [address]])
    let destinations = Destinations(policy: .publicOnly) { await names.resolve($0) }
    let url = try WebhookURL("https://hooks.example.com/", policy: .publicOnly)
    await #expect(throws: WebhookURL.Refusal.self) { try await destinations.vet(url) }
    // One good address beside it changes nothing, in either order.
    for pair in [["8.8.8.8", address], [address, "8.8.8.8"]] {
      names.set("hooks.example.com", pair)
      await #expect(throws: WebhookURL.Refusal.self) { try await destinations.vet(url) }
    }
    names.set("hooks.example.com", ["8.8.8.8", "2606:4700::1111"])
    try await destinations.vet(url)
  }

  @Test @EventLoop func `a refusal at registration says what to change, and shows no address`()
    async throws
  {
    let names = TestNames(["hooks.example.com": ["10.20.30.40"]])
    let destinations = Destinations(policy: .publicOnly) { await names.resolve($0) }
    let url = try WebhookURL("https://hooks.example.com/", policy: .publicOnly)
    await #expect {
      try await destinations.vet(url)
    } throws: { error in
      guard let refusal = error as? WebhookURL.Refusal else { return false }
      return refusal.kind == .address(.special(.privateNetwork))
        && refusal.message.contains("private network") && !refusal.message.contains("10.20")
    }
    let nowhere = try WebhookURL("https://nowhere.example.com/", policy: .publicOnly)
    await #expect {
      try await destinations.vet(nowhere)
    } throws: { error in
      (error as? WebhookURL.Refusal)?.kind == .unresolvable
    }
  }

  @Test @EventLoop func `a registration does not wait for a name server that hangs`() async throws {
    try await ManualClock.use {
      let names = TestNames([:])
      names.hang()
      let destinations = Destinations(policy: .publicOnly) { await names.resolve($0) }
      let url = try WebhookURL("https://hooks.example.com/", policy: .publicOnly)
      let vetted = EventLoop.spawn { (try? await destinations.vet(url)) != nil }
      await EventLoop.spawn {}.value
      ManualClock.advance(by: .seconds(6))
      #expect(await !vetted.value)
      names.goOn()
    }
  }

  // MARK: Delivery

  /// The endpoint was registered while its name was a public one's; then the name changed.
  @Test(arguments: forbiddenAddresses)
  @EventLoop func `a name that changes to a forbidden address gets no connection`(
    address: String
  ) async throws {
    let names = TestNames([:])
    names.set("rebind.example.com", ["8.8.8.8"], [address])
    let destinations = Destinations(policy: .publicOnly) { await names.resolve($0) }
    let url = try WebhookURL("https://rebind.example.com/", policy: .publicOnly)
    try await destinations.vet(url)
    // What registration has asked is not kept for long; a new sender is a later time.
    let sender = HTTPSender(
      destinations: Destinations(policy: .publicOnly) { await names.resolve($0) }
    )
    let outcome = await sender.send(OutgoingRequest(url: url, headers: [], body: [1]))
    #expect(outcome.failure == .blockedAddress)
    #expect(outcome.address == nil)
    #expect(outcome.explanation?.contains("must not be called: it is ") == true)
    sender.close()
  }

  /// URLs are kept as text and read again for a delivery; those whose form alone does not give them away, since an
  /// operator could open their addresses, are refused by the sender too.
  @Test(arguments: ForbiddenURLs.all)
  @EventLoop func `a forbidden URL is refused at delivery as at registration`(text: String)
    async throws
  {
    #expect(throws: WebhookURL.Refusal.self) { try WebhookURL(text, policy: .publicOnly) }
    let open = try AddressPolicy(
      allowsLoopback: true,
      allowedRanges: [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
      ].map { try AddressRange($0) },
      allowsPlainHTTP: true
    )
    // Registered while the operator had everything opened that can be opened.
    guard let url = try? WebhookURL(text, policy: open) else { return }
    let names = TestNames([:])
    if case .name(let name) = url.host { names.set(name, ["127.0.0.1"]) }
    let sender = HTTPSender(
      destinations: Destinations(policy: .publicOnly) { await names.resolve($0) }
    )
    let outcome = await sender.send(OutgoingRequest(url: url, headers: [], body: [1]))
    #expect(outcome.failure == .blockedAddress)
    sender.close()
  }

  @Test @EventLoop func `a delivery never reaches a loopback that was not opened`() async throws {
    let receiver = try ScriptedReceiver(names: [.dns("hooks.example.com")])
    defer { receiver.stop() }
    receiver.script = { $0.answer() }
    let url = try WebhookURL("https://hooks.example.com:\(receiver.port)/", policy: .publicOnly)
    let names = TestNames(["hooks.example.com": ["127.0.0.1"]])
    let request = OutgoingRequest(
      url: url,
      headers: [],
      body: [1],
      authorities: try TrustedAuthorities(pem: receiver.authority)
    )
    let closed = HTTPSender(
      destinations: Destinations(policy: .publicOnly) { await names.resolve($0) }
    )
    #expect(await closed.send(request).failure == .blockedAddress)
    #expect(receiver.connections.isEmpty)
    closed.close()
    // The same with the loopback opened shows that nothing else kept it away.
    let opened = HTTPSender(
      destinations: Destinations(policy: try AddressPolicy(allowsLoopback: true)) {
        await names.resolve($0)
      }
    )
    #expect(await opened.send(request).status == 200)
    opened.close()
  }

  // MARK: The socket

  /// Lets an exchange open a socket to an address, as libcurl would ask.
  private func opens(_ address: String, vetted: [String], _ policy: AddressPolicy) throws -> Bool {
    let exchange = Exchange(limits: SendingLimits(), policy: policy)
    exchange.begin(scheme: .https, addresses: try vetted.map { try #require(IPAddress($0)) })
    let isIPv6 = address.contains(":")
    // libcurl's own type has room for IPv4 only and is a part of a larger one.
    let size = MemoryLayout<curl_sockaddr>.size + MemoryLayout<sockaddr_in6>.size
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    let target = memory.assumingMemoryBound(to: curl_sockaddr.self)
    target.pointee.family = isIPv6 ? AF_INET6 : AF_INET
    target.pointee.socktype = Int32(SOCK_STREAM.rawValue)
    let offset = try #require(MemoryLayout<curl_sockaddr>.offset(of: \.addr))
    if isIPv6 {
      var socketAddress = sockaddr_in6()
      socketAddress.sin6_family = sa_family_t(AF_INET6)
      inet_pton(AF_INET6, address, &socketAddress.sin6_addr)
      memory.advanced(by: offset).copyMemory(from: &socketAddress, byteCount: 28)
      target.pointee.addrlen = 28
    } else {
      var socketAddress = sockaddr_in()
      socketAddress.sin_family = sa_family_t(AF_INET)
      inet_pton(AF_INET, address, &socketAddress.sin_addr)
      memory.advanced(by: offset).copyMemory(from: &socketAddress, byteCount: 16)
      target.pointee.addrlen = 16
    }
    let descriptor = exchange.open(target)
    if descriptor >= 0 { close(descriptor) }
    #expect(exchange.wasBlocked == (descriptor < 0))
    return descriptor >= 0
  }

  @Test func `a socket is opened to a vetted address and to no other`() throws {
    #expect(try opens("8.8.8.8", vetted: ["8.8.8.8"], .publicOnly))
    #expect(try opens("8.8.4.4", vetted: ["8.8.8.8", "8.8.4.4"], .publicOnly))
    #expect(try opens("::ffff:8.8.8.8", vetted: ["8.8.8.8"], .publicOnly))
    // Public, but not what the name stood for when it was vetted: libcurl has asked somebody else.
    #expect(try !opens("8.8.4.4", vetted: ["8.8.8.8"], .publicOnly))
    #expect(try !opens("8.8.8.8", vetted: [], .publicOnly))
    #expect(try !opens("2606:4700::1111", vetted: ["8.8.8.8"], .publicOnly))
  }

  @Test(arguments: forbiddenAddresses)
  func `no socket is opened to a forbidden address, vetted or not`(address: String) throws {
    #expect(try !opens(address, vetted: ["8.8.8.8"], .publicOnly))
    #expect(try !opens(address, vetted: [address], .publicOnly))
  }

  /// Asked of the socket itself, whatever was vetted before.
  @Test(arguments: [
    ("10.1.2.3", true), ("10.1.255.255", true), ("::ffff:10.1.2.3", true), ("fd12::1", true),
    ("100.64.0.1", true), ("8.8.8.8", true), ("10.2.0.1", false), ("10.0.255.255", false),
    ("172.16.0.1", false), ("192.168.0.1", false), ("fd13::1", false), ("127.0.0.1", false),
    ("::1", false), ("169.254.169.254", false), ("100.100.100.200", false), ("0.0.0.0", false),
  ])
  func `of private addresses a socket is opened to those that the operator allows alone`(
    address: String,
    isOpened: Bool
  ) throws {
    let policy = try AddressPolicy(
      allowedRanges: ["10.1.0.0/16", "fd12::/16", "100.64.0.0/10"].map { try AddressRange($0) }
    )
    #expect(try opens(address, vetted: [address], policy) == isOpened)
    // Without TLS none of them is: that is allowed by itself.
    let asked = try #require(IPAddress(address))
    #expect(policy.refusal(of: asked, over: .http) != nil)
  }

  @Test func `a socket of any other family is not opened`() {
    let exchange = Exchange(limits: SendingLimits(), policy: .publicOnly)
    exchange.begin(scheme: .https, addresses: [])
    var target = curl_sockaddr()
    target.family = AF_UNIX
    target.socktype = Int32(SOCK_STREAM.rawValue)
    target.addrlen = 16
    #expect(exchange.open(&target) == -1)
    target.family = AF_INET
    target.addrlen = 4
    #expect(exchange.open(&target) == -1)
    #expect(exchange.wasBlocked)
  }

  /// libcurl is made to ask the system's resolver, as a defect in pinning would, and gets no socket.
  @Test @EventLoop func `libcurl's own resolver decides nothing`() async throws {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = { $0.answer() }
    let fixture = try SendingFixture()
    // The vetted address is another; `localhost` is not pinned, as the request says it is an address.
    let request = OutgoingRequest(
      url: WebhookURL(scheme: .https, host: .name("localhost"), port: receiver.port, target: "/"),
      headers: [],
      body: [1],
      authorities: try TrustedAuthorities(pem: receiver.authority)
    )
    var ended: CheckedContinuation<CURLcode, Never>?
    let multi = CurlMulti(idleConnectionsMax: 1) { _, code in ended?.resume(returning: code) }
    let handle = CurlHandle(
      exchange: Exchange(limits: SendingLimits(), policy: fixture.policy),
      limits: SendingLimits(),
      events: multi.events,
      userAgent: "test"
    )
    handle.prepare(request, addresses: [try #require(IPAddress("127.0.0.9"))])
    // Takes the pinned answer away.
    ccurl_easy_set_pointer(handle.pointer, CURLOPT_RESOLVE, nil)
    let code = await withCheckedContinuation { continuation in
      ended = continuation
      multi.add(handle.pointer)
    }
    #expect(handle.outcome(code).failure == .blockedAddress)
    #expect(receiver.connections.isEmpty)
    multi.remove(handle.pointer)
    multi.close()
  }

  // MARK: Plain HTTP

  @Test @EventLoop func `plain HTTP goes to what the operator opened, and to nothing public`()
    async throws
  {
    let receiver = try ScriptedReceiver(names: [])
    defer { receiver.stop() }
    receiver.script = { $0.answer() }
    let fixture = try SendingFixture()
    #expect(await fixture.sender.send(try fixture.request(receiver)).status == 200)
    fixture.names.set("public.example.com", ["8.8.8.8"])
    let url = try WebhookURL("http://public.example.com/", policy: fixture.policy)
    await #expect(throws: WebhookURL.Refusal.self) {
      try await fixture.sender.destinations.vet(url)
    }
    let outcome = await fixture.sender.send(OutgoingRequest(url: url, headers: [], body: [1]))
    #expect(outcome.failure == .blockedAddress)
    fixture.sender.close()
  }

  // MARK: Answers that are kept

  @Test @EventLoop func `a burst asks once, and a later delivery asks again`() async throws {
    try await ManualClock.use {
      let names = TestNames(["hooks.example.com": ["8.8.8.8"]])
      let destinations = Destinations(policy: .publicOnly) { await names.resolve($0) }
      let url = try WebhookURL("https://hooks.example.com/", policy: .publicOnly)
      @EventLoop func find() async -> Destination {
        await withCheckedContinuation { continuation in
          destinations.find(url) { continuation.resume(returning: $0) }
        }
      }
      for _ in 0..<10 { #expect(await find() == .addresses([try #require(IPAddress("8.8.8.8"))])) }
      #expect(names.questions.count == 1)
      names.set("hooks.example.com", ["10.0.0.1"])
      ManualClock.advance(by: Destinations.keptFor + .milliseconds(1))
      #expect(await find() == .refused(.special(.privateNetwork)))
      // That something is wrong is asked again sooner.
      names.set("hooks.example.com", ["8.8.4.4"])
      ManualClock.advance(by: Destinations.absenceKeptFor + .milliseconds(1))
      #expect(await find() == .addresses([try #require(IPAddress("8.8.4.4"))]))
      #expect(names.questions.count == 3)
    }
  }

  @Test @EventLoop func `while a name server hangs, the last good answer serves on`() async throws {
    try await ManualClock.use {
      let names = TestNames(["hooks.example.com": ["8.8.8.8"]])
      let destinations = Destinations(policy: .publicOnly) { await names.resolve($0) }
      let url = try WebhookURL("https://hooks.example.com/", policy: .publicOnly)
      let good = Destination.addresses([try #require(IPAddress("8.8.8.8"))])
      var found: [Destination] = []
      destinations.find(url) { found.append($0) }
      await settled { found.count == 1 }
      names.hang()
      ManualClock.advance(by: Destinations.keptFor + .milliseconds(1))
      destinations.find(url) { found.append($0) }
      await settled { names.questions.count == 2 }
      #expect(found == [good])
      ManualClock.advance(by: Destinations.patience + .milliseconds(1))
      #expect(found == [good, good])
      // It is known to hang by now, and nobody is asked again beside it.
      destinations.find(url) { found.append($0) }
      #expect(found == [good, good, good])
      #expect(names.questions.count == 2)
      // A registration waits for what is so now.
      let vetted = EventLoop.spawn { (try? await destinations.vet(url)) != nil }
      await settled { false }
      names.set("hooks.example.com", ["10.0.0.1"])
      names.goOn()
      #expect(await !vetted.value)
      destinations.find(url) { found.append($0) }
      #expect(found.last == .refused(.special(.privateNetwork)))
    }
  }

  @Test @EventLoop func `of many names so many are asked for at a time, and each in its turn`()
    async throws
  {
    let names = TestNames([:])
    names.hang()
    let destinations = Destinations(policy: .publicOnly) { await names.resolve($0) }
    var found = 0
    for number in 0..<100 {
      let url = try WebhookURL("https://hooks\(number).example.com/", policy: .publicOnly)
      destinations.find(url) { _ in found += 1 }
    }
    await settled { false }
    #expect(names.questions.count == Destinations.lookUpsMax)
    names.goOn()
    await settled { found == 100 }
    #expect(found == 100)
    #expect(Set(names.questions).count == 100)
  }

  @Test @EventLoop
  func `a delivery whose name could not be asked for in time says nothing about its receiver`()
    async throws
  {
    try await ManualClock.use {
      let names = TestNames([:])
      names.hang()
      let sender = HTTPSender(
        destinations: Destinations(policy: .publicOnly) { await names.resolve($0) }
      )
      var failures: [SendingFailure?] = []
      for number in 0...Destinations.lookUpsMax {
        let url = try WebhookURL("https://hooks\(number).example.com/", policy: .publicOnly)
        sender.send(OutgoingRequest(url: url, headers: [], body: [1])) {
          failures.append($0.failure)
        }
      }
      await settled { false }
      ManualClock.advance(by: SendingLimits().total + .milliseconds(1))
      #expect(failures.count == Destinations.lookUpsMax + 1)
      #expect(failures.count { $0 == .timeout } == Destinations.lookUpsMax)
      #expect(failures.count { $0 == .internalError } == 1)
      names.goOn()
      sender.close()
    }
  }

  /// Lets the loop run until something is so, or for some rounds: time may stand still.
  @EventLoop private func settled(_ condition: () -> Bool) async {
    for _ in 0..<1_000 where !condition() { await EventLoop.spawn {}.value }
  }

  // MARK: The surroundings

  @Test @EventLoop func `a proxy in the environment is not used`() async throws {
    let variables = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"]
    for variable in variables { setenv(variable, "http://127.0.0.1:1", 1) }
    defer { for variable in variables { unsetenv(variable) } }
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = { $0.answer() }
    let fixture = try SendingFixture()
    #expect(await fixture.sender.send(try fixture.request(receiver)).status == 200)
    fixture.sender.close()
  }
}

/// What an endpoint's owner may have trusted.
@Suite struct TrustedAuthoritiesTests {
  private static func certificate() throws -> String {
    String(
      decoding: try CertificateAuthority.make(commonName: "Test authority").certificatePEM,
      as: UTF8.self
    )
  }

  @Test func `certificates are taken, and text around them is not kept`() throws {
    let text = try TrustedAuthoritiesTests.certificate()
    let one = try TrustedAuthorities(pem: "Our authority\r\n\(text)\ntrailing")
    #expect(String(decoding: one.pem, as: UTF8.self) == text)
    #expect(try TrustedAuthorities(pem: text + text).pem.count > text.utf8.count)
  }

  @Test func `anything else is refused`() throws {
    let text = try TrustedAuthoritiesTests.certificate()
    let authority = try CertificateAuthority.make(commonName: "Test authority")
    let key = authority.privateKeyPEM.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    let refused = [
      "", "not PEM", key, text + key, String(text.dropLast(30)),
      text.replacing("MII", with: "AAA"),
      String(repeating: text, count: 21), String(repeating: " ", count: 70_000) + text,
      "-----BEGIN CERTIFICATE-----\n" + text,
    ]
    for pem in refused {
      #expect(throws: TrustedAuthorities.Refusal.self) { try TrustedAuthorities(pem: pem) }
    }
  }
}
