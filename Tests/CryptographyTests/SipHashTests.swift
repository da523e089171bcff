import Testing

@testable import Cryptography

@Suite struct SipHashTests {
  /// Source: the paper's appendix A, whose input is the bytes 00 to 0e, and two lines of the authors' `vectors.h`.
  @Test(
    arguments: [
      (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (15, 0xa129_ca61_49be_45e5),
    ] as [(Int, UInt64)]
  )
  func `the published vectors hold`(count: Int, expected: UInt64) {
    let hash = SipHash(key: Array(0..<16))
    let input = (0..<count).map { UInt8($0) }
    #expect(input.withUnsafeBytes { hash.hash($0) } == expected)
  }

  @Test func `every value has a key of its own`() {
    let hashes = (0..<100).map { _ in [1, 2, 3].withUnsafeBytes { SipHash().hash($0) } }
    #expect(Set(hashes).count == 100)
  }
}
