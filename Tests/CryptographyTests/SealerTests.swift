import Faults
import Primitives
import Testing

@testable import Cryptography

@Suite struct SealerTests {
  private let account = UUID.v7()
  private let sealer = Sealer(masterKeys: .random())

  private func place(
    account: UUID? = nil,
    table: String = "licenses.license_keys",
    column: String = "sealed",
    row: UUID = UUID(high: 1, low: 2)
  ) -> SealingContext {
    SealingContext(accountID: account ?? self.account, table: table, column: column, rowID: row)
  }

  @Test func `a sealed value comes back at its place`() throws {
    let key = try sealer.unwrap(sealer.makeDataKey(for: account))
    for value in [[], [0], Array("LIC-0123-4567-89AB-CDEF".utf8), SecureRandom.bytes(5_000)] {
      let sealed = key.seal(value, in: place())
      #expect(sealed.count == value.count + DataKey.overheadByteCount)
      #expect(DataKey.version(ofSealed: sealed) == 1)
      #expect(try key.open(sealed, in: place()) == value)
      #expect(key.seal(value, in: place()) != sealed)
    }
    let secret = SecretBytes.random(count: 64)
    #expect(try key.open(key.seal(secret, in: place()), in: place()) == secret.copy())
  }

  /// Someone who can write to the database must not be able to show one row's secret in another.
  @Test func `a moved value is refused`() throws {
    let key = try sealer.unwrap(sealer.makeDataKey(for: account))
    let sealed = key.seal([1, 2, 3], in: place())
    let others = [
      place(row: UUID(high: 1, low: 3)), place(column: "seale"), place(column: "sealed_"),
      place(table: "licenses.license_key"), place(account: UUID.v7()),
      place(table: "licenses.license_keyss", column: "ealed"),
    ]
    for other in others {
      let fault = #expect(throws: Fault.self) { try key.open(sealed, in: other) }
      #expect(fault?.code == .dataLoss)
    }
  }

  @Test func `a changed or cut value is refused`() throws {
    let key = try sealer.unwrap(sealer.makeDataKey(for: account))
    let sealed = key.seal([1, 2, 3], in: place())
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 0x80
      #expect(throws: Fault.self) { try key.open(changed, in: place()) }
      #expect(throws: Fault.self) { try key.open(Array(sealed[..<index]), in: place()) }
    }
    #expect(throws: Fault.self) { try key.open(sealed + [0], in: place()) }
  }

  @Test func `another data key, version or master key opens nothing`() throws {
    let first = try sealer.unwrap(sealer.makeDataKey(for: account))
    let same = try sealer.unwrap(sealer.makeDataKey(for: account))
    let next = try sealer.unwrap(sealer.makeDataKey(for: account, version: 2))
    let sealed = first.seal([1], in: place())
    #expect(throws: Fault.self) { try same.open(sealed, in: place()) }
    #expect(throws: Fault.self) { try next.open(sealed, in: place()) }
    let foreign = Sealer(masterKeys: .random())
    let fault = #expect(throws: Fault.self) { try foreign.unwrap(sealer.makeDataKey(for: account)) }
    #expect(fault?.code == .dataLoss)
  }

  @Test func `a wrapped key is refused in another row, changed or cut`() throws {
    let wrapped = sealer.makeDataKey(for: account)
    #expect(wrapped.bytes.count == WrappedDataKey.byteCount)
    #expect(wrapped.masterKeyVersion == 1)
    func row(_ id: UUID, _ version: UInt32, _ bytes: [UInt8]) -> WrappedDataKey {
      WrappedDataKey(accountID: id, version: version, bytes: bytes)
    }
    #expect(throws: Fault.self) { try sealer.unwrap(row(UUID.v7(), 1, wrapped.bytes)) }
    #expect(throws: Fault.self) { try sealer.unwrap(row(account, 2, wrapped.bytes)) }
    for index in wrapped.bytes.indices {
      var changed = wrapped.bytes
      changed[index] ^= 1
      #expect(throws: Fault.self) { try sealer.unwrap(row(account, 1, changed)) }
      let cut = Array(wrapped.bytes[..<index])
      #expect(throws: Fault.self) { try sealer.unwrap(row(account, 1, cut)) }
    }
    // A sealed value is no wrapped key, even of the same length.
    let key = try sealer.unwrap(wrapped)
    let value = key.seal(SecureRandom.bytes(32), in: place())
    #expect(value.count == WrappedDataKey.byteCount)
    #expect(throws: Fault.self) { try sealer.unwrap(row(account, 1, value)) }
  }

  /// The state between the two steps of a rotation: a new active key beside the old one.
  @Test func `old versions go on opening what they wrapped`() throws {
    let old = SecretBytes.random(count: 32)
    let before = Sealer(masterKeys: MasterKeys(activeVersion: 1, keys: [1: old]))
    let wrapped = before.makeDataKey(for: account)
    let sealed = try before.unwrap(wrapped).seal([9], in: place())

    let both = MasterKeys(activeVersion: 2, keys: [1: old, 2: .random(count: 32)])
    let after = Sealer(masterKeys: both)
    #expect(try after.unwrap(wrapped).open(sealed, in: place()) == [9])
    #expect(after.makeDataKey(for: account, version: 2).masterKeyVersion == 2)

    let only = Sealer(masterKeys: MasterKeys(activeVersion: 2, keys: [2: .random(count: 32)]))
    let fault = #expect(throws: Fault.self) { try only.unwrap(wrapped) }
    #expect(fault?.code == .failedPrecondition)
    #expect(fault?.debugDescription.contains("no version 1") == true)
  }

  /// What a rotation does to a data key: it stays the same, but its old wrapping is not needed any more.
  @Test func `a key that is wrapped anew opens without the old master key`() throws {
    let keys = MasterKeys.random()
    let sealer = Sealer(masterKeys: keys)
    let wrapped = sealer.makeDataKey(for: account)
    let sealed = try sealer.unwrap(wrapped).seal([9], in: place())
    let both = try keys.addingVersion()
    #expect(sealer.holds(keys) && !sealer.holds(both))
    sealer.take(both)
    #expect(sealer.activeVersion == 2 && sealer.versions == [1, 2])
    let again = try sealer.rewrap(wrapped)
    #expect(again.masterKeyVersion == 2)
    #expect(again.accountID == account && again.version == wrapped.version)
    sealer.take(try both.removing(version: 1))
    #expect(try sealer.unwrap(again).open(sealed, in: place()) == [9])
    // Also what was unwrapped before is not at hand any more.
    #expect(throws: Fault.self) { try sealer.unwrap(wrapped) }
    #expect(throws: Fault.self) { try sealer.rewrap(wrapped) }
  }

  @Test func `a key counts what it seals against what was allowed`() throws {
    let key = try sealer.unwrap(sealer.makeDataKey(for: account))
    #expect(key.sealsLeft == 0)
    key.allow(seals: 3)
    for left in [2, 1, 0, -1] {
      _ = key.seal([1], in: place())
      #expect(key.sealsLeft == left)
    }
    key.allow(seals: 10)
    #expect(key.sealsLeft == 9)
  }

  @Test func `a key is remembered by its exact row`() throws {
    let wrapped = sealer.makeDataKey(for: account)
    let first = try sealer.unwrap(wrapped)
    #expect(try sealer.unwrap(wrapped) === first)
    // Far more accounts than are remembered at once push it out; it is unwrapped again then.
    for _ in 0..<3_000 { _ = try sealer.unwrap(sealer.makeDataKey(for: UUID.v7())) }
    let again = try sealer.unwrap(wrapped)
    #expect(again !== first)
    #expect(try again.open(first.seal([1], in: place()), in: place()) == [1])
  }
}
