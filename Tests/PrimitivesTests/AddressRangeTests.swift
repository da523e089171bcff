import Primitives
import Testing

@Suite struct AddressRangeTests {
  @Test(arguments: [
    ("203.0.113.0/24", "203.0.113.0/24"), ("0.0.0.0/0", "0.0.0.0/0"),
    ("10.0.0.1/32", "10.0.0.1/32"),
    ("10.128.0.0/9", "10.128.0.0/9"), ("2001:DB8:0:0::/32", "2001:db8::/32"), ("::/0", "::/0"),
    ("::1/128", "::1/128"), ("2001:db8:8000::/33", "2001:db8:8000::/33"),
  ])
  func `a range is read and written in its one notation`(text: String, expected: String) throws {
    #expect(try AddressRange(text).description == expected)
  }

  @Test(arguments: [
    "", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8",
    "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/ 8", " 10.0.0.0/8", "10.0.0/8", "10/8", "010.0.0.0/8",
    "0x0a.0.0.0/8", "256.0.0.0/8", "10.0.0.0\u{0}/8", "10.0.0.0/8\u{0}", "10.0.0.0/٨", "::/129",
    "fe80::%eth0/64", "[::1]/128", "2001:db8:::/32", "12345::/16", "::/0000", "example.com/8",
  ])
  func `what is no range is refused`(text: String) {
    let refusal = #expect(throws: AddressRange.Refusal.self) { try AddressRange(text) }
    #expect(refusal?.message.hasPrefix("Must be an address range") == true)
  }

  @Test(arguments: [
    ("10.0.0.1/8", "10.0.0.0/8"), ("203.0.113.128/24", "203.0.113.0/24"),
    ("1.0.0.0/0", "0.0.0.0/0"),
    ("2001:db8::1/64", "2001:db8::/64"), ("ffff::/15", "fffe::/15"),
  ])
  func `bits beyond the prefix are refused, and the range around is named`(
    text: String,
    around: String
  ) {
    let refusal = #expect(throws: AddressRange.Refusal.self) { try AddressRange(text) }
    #expect(refusal?.message.hasSuffix(" \(around)") == true)
  }

  @Test(arguments: ["::ffff:10.0.0.0/104", "::ffff:a00:1/128"])
  func `IPv4 written as IPv6 is refused, since it would hold nobody`(text: String) {
    let refusal = #expect(throws: AddressRange.Refusal.self) { try AddressRange(text) }
    #expect(refusal?.message.hasPrefix("Must write IPv4 as IPv4") == true)
  }

  @Test(
    arguments: [
      ("203.0.113.0/24", [203, 0, 113, 9], true), ("203.0.113.0/24", [203, 0, 114, 9], false),
      ("203.0.113.128/25", [203, 0, 113, 127], false),
      ("203.0.113.128/25", [203, 0, 113, 128], true),
      ("203.0.113.9/32", [203, 0, 113, 9], true), ("203.0.113.9/32", [203, 0, 113, 8], false),
      ("0.0.0.0/0", [255, 255, 255, 255], true), ("0.0.0.0/0", [], false),
      ("0.0.0.0/0", [UInt8](repeating: 0, count: 16), false), ("::/0", [1, 2, 3, 4], false),
      ("::/0", [UInt8](repeating: 7, count: 16), true),
      ("2001:db8::/32", [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 9, count: 12), true),
      ("2001:db8::/32", [0x20, 0x01, 0x0D, 0xB9] + [UInt8](repeating: 0, count: 12), false),
      ("2001:db8::/31", [0x20, 0x01, 0x0D, 0xB9] + [UInt8](repeating: 0, count: 12), true),
    ] as [(String, [UInt8], Bool)]
  )
  func `a range holds its addresses and no other`(
    text: String,
    address: [UInt8],
    isHeld: Bool
  ) throws {
    let range = try AddressRange(text)
    #expect(address.withUnsafeBytes { range.contains($0) } == isHeld)
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.0.0.0/8", true), ("10.0.0.0/8", "10.1.0.0/16", true),
    ("10.1.0.0/16", "10.0.0.0/8", false), ("10.0.0.0/8", "11.0.0.0/16", false),
    ("0.0.0.0/0", "::/0", false), ("::/0", "2001:db8::/32", true), ("::/0", "10.0.0.0/8", false),
  ])
  func `a range holds those within it`(outer: String, inner: String, isHeld: Bool) throws {
    #expect(try AddressRange(outer).contains(AddressRange(inner)) == isHeld)
  }
}
