import Foundation

@testable import LatchkeyCommand

/// A data directory of one test, prepared and removed with it.
final class ScratchDeployment {
  let directory = DataDirectory(
    FileManager.default.temporaryDirectory
      .appendingPathComponent("latchkey-test-\(UUID().uuidString)").path,
    isRoot: false,
    currentDirectory: "/"
  )
  init() throws { try directory.prepare() }
  deinit { try? FileManager.default.removeItem(atPath: directory.path) }
}
