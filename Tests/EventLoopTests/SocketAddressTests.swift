import EventLoop
import Testing

@Suite struct SocketAddressTests {
  @Test(
    arguments: [
      ("192.0.2.1", [192, 0, 2, 1]),
      ("::ffff:192.0.2.1", [192, 0, 2, 1]),
      ("2001:db8::1", [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
      ("::fffe:192.0.2.1", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 192, 0, 2, 1]),
    ] as [(String, [UInt8])]
  )
  func `the bytes of an address are those of its family`(text: String, bytes: [UInt8]) throws {
    let address = try #require(SocketAddress(ip: text, port: 443))
    #expect(address.withIPBytes { Array($0) } == bytes)
  }

  @Test func `a Unix socket has none`() throws {
    let address = try #require(SocketAddress(unixPath: "/run/x"))
    #expect(address.withIPBytes { $0.isEmpty })
  }
}
