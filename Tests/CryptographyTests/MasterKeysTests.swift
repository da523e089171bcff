import Faults
import Foundation
import Testing

@testable import Cryptography

/// A folder that is gone when the test ends.
private final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "latchkey-master-keys-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String = "master.keys") -> String { path + "/" + name }

  func write(_ text: String, mode: Int = 0o600) throws -> String {
    let created = FileManager.default.createFile(
      atPath: file(),
      contents: Data(text.utf8),
      attributes: [.posixPermissions: mode]
    )
    try #require(created)
    return file()
  }
}

@Suite struct MasterKeysTests {
  private static let one = String(repeating: "1f", count: 32)
  private static let two = String(repeating: "2E", count: 32)
  private static let header = "latchkey-master-keys 1\n"

  @Test func `a generated file is closed to others and loads`() throws {
    let folder = try TemporaryFolder()
    let written = try MasterKeys.generate(path: folder.file())
    let loaded = try MasterKeys.load(path: folder.file())
    #expect(loaded.activeVersion == 1)
    #expect(loaded.versions == [1])
    let key = try #require(loaded.key(version: 1))
    #expect(written.key(version: 1)?.equals(key) == true)
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.file())
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    // Nothing but the file itself is left behind.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["master.keys"])
  }

  /// An overwritten master key would be the loss of everything it wraps.
  @Test func `an existing file is never replaced`() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("precious")
    let fault = #expect(throws: Fault.self) { try MasterKeys.generate(path: folder.file()) }
    #expect(fault?.code == .alreadyExists)
    #expect(try String(contentsOfFile: folder.file(), encoding: .utf8) == "precious")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["master.keys"])
  }

  @Test(arguments: [0o644, 0o640, 0o604, 0o660, 0o601, 0o777])
  func `a file open to others is refused`(mode: Int) throws {
    let folder = try TemporaryFolder()
    try MasterKeys.generate(path: folder.file())
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.file())
    let fault = #expect(throws: Fault.self) { try MasterKeys.load(path: folder.file()) }
    #expect(fault?.code == .failedPrecondition)
    #expect(fault?.message.contains("0600") == true)
  }

  @Test func `a read-only file is accepted`() throws {
    let folder = try TemporaryFolder()
    let text = Self.header + "active 1\nkey 1 \(Self.one)\n"
    #expect(try MasterKeys.load(path: folder.write(text, mode: 0o400)).versions == [1])
  }

  @Test func `what is no file of keys is refused`() throws {
    let folder = try TemporaryFolder()
    #expect(throws: Fault.self) { try MasterKeys.load(path: folder.file("absent")) }
    #expect(throws: Fault.self) { try MasterKeys.load(path: folder.path) }
    #expect(throws: Fault.self) { try MasterKeys.load(path: "/dev/zero") }
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
    #expect(throws: Fault.self) { try MasterKeys.load(path: folder.file("pipe")) }
    #expect(throws: Fault.self) { try MasterKeys.generate(path: folder.file("absent/keys")) }
  }

  @Test func `several versions, comments and a missing last line end are read`() throws {
    let folder = try TemporaryFolder()
    let text = "# comment\n\n\(Self.header)key 7 \(Self.two)\n#\nactive 3\nkey 3 \(Self.one)"
    let keys = try MasterKeys.load(path: folder.write(text))
    #expect(keys.activeVersion == 3)
    #expect(keys.versions == [3, 7])
    #expect(keys.key(version: 7)?.copy() == [UInt8](repeating: 0x2e, count: 32))
    #expect(keys.key(version: 1) == nil)
    let again = try keys.text().withUnsafeBytes { try MasterKeys(text: $0, source: "copy") }
    #expect(again.versions == [3, 7] && again.activeVersion == 3)
  }

  @Test(arguments: [
    "", "\n", "{}", "latchkey-master-keys 2\nactive 1\nkey 1 \(one)", "active 1\nkey 1 \(one)",
    header, header + "active 1", header + "key 1 \(one)", header + "active 2\nkey 1 \(one)",
    header + "active 1\nactive 1\nkey 1 \(one)", header + "active 1\nkey 1 \(one)\nkey 1 \(two)",
    header + "active 1\nkey 1 \(one)\nkey 2 \(one)", header + "active 0\nkey 0 \(one)",
    header + "active 01\nkey 1 \(one)", header + "active +1\nkey 1 \(one)",
    header + "active 4294967296\nkey 1 \(one)", header + "active 1\nkey 1 \(one)00",
    header + "active 1\nkey 1 \(one.dropLast())", header + "active 1\nkey 1 \(one.dropLast())g",
    header + "active 1\nkey 1  \(one)", header + "active 1\nkey 1 \(one) ",
    header + "active 1\r\nkey 1 \(one)", header + "active 1\nKEY 1 \(one)",
    header + "active 1\nkey 1 \(one)\n\u{0}", header + "active 1\nkey 1 \(one)\n" + header,
    header + "active 1\nkey 1 \(one)\n" + String(repeating: "#", count: 20_000),
    header + "active 1\n" + (1...65).map { "key \($0) " + String(format: "%064x\n", $0) }.joined(),
  ])
  func `a file out of form is refused without showing it`(text: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(text)
    let fault = try #require(throws: Fault.self) { try MasterKeys.load(path: path) }
    #expect(fault.code == .failedPrecondition)
    #expect(fault.message.contains(path))
    #expect(!fault.debugDescription.contains("1f1f"))
    #expect(!fault.debugDescription.contains("2E2E"))
  }

  @Test func `a version more becomes the active one, and old ones can be taken away`() throws {
    let folder = try TemporaryFolder()
    let one = try MasterKeys.generate(path: folder.file())
    let two = try one.addingVersion()
    #expect(two.versions == [1, 2] && two.activeVersion == 2)
    try two.replace(path: folder.file())
    let loaded = try MasterKeys.load(path: folder.file())
    #expect(loaded.equals(two))
    #expect(!loaded.equals(one))
    let three = try loaded.removing(version: 1).addingVersion()
    // The number of a key that is gone is not used again.
    #expect(three.versions == [2, 3] && three.activeVersion == 3)
    #expect(throws: Fault.self) { try three.removing(version: 3) }
    #expect(throws: Fault.self) { try three.removing(version: 1) }
    var many = one
    for _ in 1..<MasterKeys.versionsMax { many = try many.addingVersion() }
    #expect(throws: Fault.self) { try many.addingVersion() }
    #expect(
      try many.text().withUnsafeBytes { try MasterKeys(text: $0, source: "copy") }.equals(many)
    )
  }

  @Test(arguments: [0o600, 0o400])
  func `a replaced file keeps its mode, and what a crash has left is no hindrance`(mode: Int) throws
  {
    let folder = try TemporaryFolder()
    let keys = try MasterKeys.generate(path: folder.file())
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.file())
    // A process that was killed while it wrote.
    try Data("half".utf8).write(to: URL(fileURLWithPath: folder.file() + ".new"))
    try keys.addingVersion().replace(path: folder.file())
    #expect(try MasterKeys.load(path: folder.file()).versions == [1, 2])
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.file())
    #expect(attributes[.posixPermissions] as? Int == mode)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["master.keys"])
  }

  @Test func `a file that is open to others or absent is not replaced`() throws {
    let folder = try TemporaryFolder()
    let keys = MasterKeys.random()
    #expect(throws: Fault.self) { try keys.replace(path: folder.file()) }
    let path = try folder.write("precious", mode: 0o644)
    #expect(throws: Fault.self) { try keys.replace(path: path) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["master.keys"])
  }
}
