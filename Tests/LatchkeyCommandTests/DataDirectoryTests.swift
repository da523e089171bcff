import Faults
import Foundation
import Testing

@testable import LatchkeyCommand

@Suite struct DataDirectoryTests {
  /// A folder of this test alone, removed with it.
  private final class Scratch {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("latchkey-test-\(UUID().uuidString)").path
    init() throws {
      try FileManager.default.createDirectory(
        atPath: path,
        withIntermediateDirectories: true
      )
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func directory(_ name: String = "data") -> DataDirectory {
      DataDirectory("\(path)/\(name)", isRoot: false, currentDirectory: "/")
    }
  }

  @Test(arguments: [
    (nil, false, "/home/me/work", "/home/me/work/.latchkey"),
    (nil, true, "/root", "/var/lib/latchkey"),
    ("data", true, "/root", "/root/data"),
    ("./a//b/", false, "/home/me", "/home/me/a/b"),
    ("/srv/x", false, "/home/me", "/srv/x"),
  ])
  func `the path is what was chosen, or the default`(
    path: String?,
    isRoot: Bool,
    current: String,
    expected: String
  ) {
    #expect(DataDirectory(path, isRoot: isRoot, currentDirectory: current).path == expected)
  }

  @Test func `a new folder is made, private and marked, and accepted again`() throws {
    let scratch = try Scratch()
    let directory = scratch.directory("deep/er/data")
    try directory.prepare()
    try directory.prepare()
    #expect(try directory.state() == .ours)
    var status = stat()
    #expect(stat(directory.path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
    #expect(stat(directory.secrets, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
  }

  @Test func `an empty folder is taken, a folder with foreign files is left alone`() throws {
    let scratch = try Scratch()
    let empty = scratch.directory("empty")
    try FileManager.default.createDirectory(atPath: empty.path, withIntermediateDirectories: true)
    try empty.prepare()

    let foreign = scratch.directory("foreign")
    try FileManager.default.createDirectory(atPath: foreign.path, withIntermediateDirectories: true)
    try Files.write("mine", to: "\(foreign.path)/thesis.txt")
    let fault = try #require(throws: Fault.self) { try foreign.prepare() }
    #expect(fault.message.contains("not Latchkey's"))
    #expect(try Files.entries(of: foreign.path) == ["thesis.txt"])
  }

  @Test func `a file in its place and another layout are refused in one sentence`() throws {
    let scratch = try Scratch()
    let file = scratch.directory("file")
    try Files.write("x", to: file.path)
    #expect(
      try #require(throws: Fault.self) { try file.prepare() }.message.contains("not a folder")
    )

    let later = scratch.directory("later")
    try later.prepare()
    try Files.write("latchkey data directory, layout 9\n", to: later.marker)
    let fault = try #require(throws: Fault.self) { try later.prepare() }
    #expect(fault.message.contains("another version"))
  }

  /// Two supervisors of one database would destroy it.
  @Test func `a second process is refused while the lock is held, and told who holds it`() throws {
    let scratch = try Scratch()
    let directory = scratch.directory()
    try directory.prepare()
    #expect(DataDirectoryLock.holder(of: directory) == nil)
    do {
      let lock = try DataDirectoryLock(directory)
      let refusal = try #require(throws: Fault.self) { _ = try DataDirectoryLock(directory) }
      #expect(refusal.message.contains("process \(getpid())"))
      #expect(refusal.message.contains("latchkey down --data-dir \(directory.path)"))
      #expect(DataDirectoryLock.holder(of: directory) == getpid())
      withExtendedLifetime(lock) {}
    }
    #expect(DataDirectoryLock.holder(of: directory) == nil)
    _ = try DataDirectoryLock(directory)
  }

  @Test func `a file is replaced as a whole and is private`() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/secret"
    try Files.write("one", to: path)
    try Files.write("two", to: path)
    #expect(try Files.read(path) == "two")
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(try Files.entries(of: scratch.path) == ["secret"])
  }

  @Test func `removing a folder does not follow links out of it`() throws {
    let scratch = try Scratch()
    let outside = "\(scratch.path)/outside"
    try Files.makeDirectory(outside)
    try Files.write("kept", to: "\(outside)/file")
    let inside = "\(scratch.path)/inside"
    try Files.makeDirectory(inside)
    #expect(symlink(outside, "\(inside)/link") == 0)
    try Files.removeTree(inside)
    #expect(!Files.exists(inside))
    #expect(try Files.read("\(outside)/file") == "kept")
  }
}
