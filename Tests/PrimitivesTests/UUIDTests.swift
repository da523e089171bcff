import Primitives
import Testing

/// One test at a time, since the sequence of a millisecond belongs to the process.
@Suite(.serialized) struct UUIDTests {
  @Test func `text and bytes go both ways`() throws {
    let text = "0198c1e2-7a10-7cc3-98c4-dc0c0c07398f"
    let id = try #require(UUID(text))
    #expect(id.description == text)
    #expect(id.high == 0x0198_c1e2_7a10_7cc3)
    #expect(id.low == 0x98c4_dc0c_0c07_398f)
    #expect(UUID(bytes: id.bytes) == id)
    #expect(id.bytes.first == 0x01 && id.bytes.last == 0x8f)
    #expect(UUID(text.uppercased()) == id)

    var output = Array("<".utf8)
    id.append(to: &output)
    #expect(String(decoding: output, as: UTF8.self) == "<" + text)
    var raw: [UInt8] = []
    id.appendBytes(to: &raw)
    #expect(raw == id.bytes)
  }

  @Test(arguments: [
    "", "0198c1e2", "0198c1e27a107cc398c4dc0c0c07398f",
    "{0198c1e2-7a10-7cc3-98c4-dc0c0c07398f}", "urn:uuid:0198c1e2-7a10-7cc3-98c4-dc0c0c07398f",
    " 0198c1e2-7a10-7cc3-98c4-dc0c0c07398", "0198c1e2-7a10-7cc3-98c4-dc0c0c07398g",
    "0198c1e2-7a10-7cc3-98c4dc-0c0c07398f", "0198c1e2-7a10-7cc3-98c4-dc0c0c07398ff",
    "0198c1e2-7a10-7cc3-98c4-dc0c0c0739é", "0198c1e2+7a10-7cc3-98c4-dc0c0c07398f",
  ])
  func `other text is refused`(text: String) {
    #expect(UUID(text) == nil)
  }

  @Test(arguments: [0, 15, 17])
  func `a wrong number of bytes is refused`(count: Int) {
    #expect(UUID(bytes: [UInt8](repeating: 0, count: count)) == nil)
  }

  @Test func `version 7 carries time, version and variant`() throws {
    let moment = try #require(Timestamp(iso8601: "2026-01-15T10:30:00.123Z"))
    let id = UUID.v7(at: moment)
    #expect(Int64(id.high >> 16) == moment.milliseconds)
    #expect(id.high >> 12 & 0xf == 7)
    #expect(id.low >> 62 == 0b10)
  }

  /// Were this broken, rows of one moment would be listed in a random order.
  @Test func `a moment's lower bound parts what was made before from what was made then`() {
    let moment = Timestamp(milliseconds: 1_770_000_000_000)
    let bound = UUID.lowest7(at: moment)
    for _ in 0..<1_000 {
      #expect(UUID.v7(at: moment - .milliseconds(1)) < bound)
      #expect(UUID.v7(at: moment) >= bound)
    }
    #expect(UUID.lowest7(at: Timestamp(milliseconds: .min)) == UUID(high: 0, low: 0))
    #expect(UUID.lowest7(at: Timestamp(milliseconds: .max)) == UUID(high: .max << 16, low: 0))
  }

  @Test func `version 7 rises strictly within a millisecond`() {
    let moment = Timestamp(milliseconds: 1_700_000_000_000)
    let ids = (0..<20_000).map { _ in UUID.v7(at: moment) }
    #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
    #expect(zip(ids, ids.dropFirst()).allSatisfy { $0.description < $1.description })
    #expect(ids.allSatisfy { Int64($0.high >> 16) == moment.milliseconds })
  }

  /// Calls that overlap make identifiers for their own times of arrival in turns.
  @Test func `version 7 rises within each of several milliseconds taken in turns`() {
    var ids: [[UUID]] = Array(repeating: [], count: 16)
    for _ in 0..<100 {
      for offset in ids.indices {
        let moment = Timestamp(milliseconds: 1_700_000_000_000 + Int64(offset))
        ids[offset].append(UUID.v7(at: moment))
      }
    }
    #expect(ids.allSatisfy { zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } })
  }

  /// A clock that stands still, as in a test, beside one that goes on.
  @Test func `version 7 rises within a millisecond beside a clock that goes on`() {
    var ids: [UUID] = []
    for other in 1...100 as ClosedRange<Int64> {
      ids.append(UUID.v7(at: Timestamp(milliseconds: 1_600_000_000_000)))
      _ = UUID.v7(at: Timestamp(milliseconds: 1_600_000_000_000 + other))
    }
    #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test func `version 7 takes any time without a trap`() {
    for milliseconds in [Int64.min, -1, 0, .max] {
      #expect(UUID.v7(at: Timestamp(milliseconds: milliseconds)).high >> 12 & 0xf == 7)
    }
  }

  @Test func `identifiers made at once on many threads are all different`() async {
    let ids = await withTaskGroup(of: [UUID].self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<2_000).map { _ in UUID.v7() } }
      }
      return await group.reduce(into: Set<UUID>()) { $0.formUnion($1) }
    }
    #expect(ids.count == 16_000)
  }
}
