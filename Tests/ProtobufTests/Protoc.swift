import Foundation

/// protoc, as the reference that our encoding is compared with.
enum Protoc {
  struct Failure: Error {
    let output: String
  }

  /// The repository.
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Folders where imports are looked for, after the ones a test adds.
  static let includes = [
    "-I", root.appending(path: "Tests/Protos").path, "-I", root.appending(path: "Protos").path,
    "-I", "/usr/include",
  ]

  /// Runs protoc and gives what it writes to standard output.
  static func run(_ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Through a file, so that neither side waits for the other.
    let inputFile = folder.appending(path: "input")
    try Data(input).write(to: inputFile)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/protoc")
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: inputFile)
    let outputFile = folder.appending(path: "output")
    let errorFile = folder.appending(path: "error")
    for file in [outputFile, errorFile] {
      try Data().write(to: file)
    }
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = try FileHandle(forWritingTo: errorFile)
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(output: try String(contentsOf: errorFile, encoding: .utf8))
    }
    return Array(try Data(contentsOf: outputFile))
  }

  /// Text format to bytes.
  static func encode(_ text: String, as message: String, in file: String) throws -> [UInt8] {
    try run(includes + ["--encode=\(message)", file], input: Array(text.utf8))
  }

  /// Bytes to text format.
  static func decode(_ bytes: [UInt8], as message: String, in file: String) throws -> String {
    String(
      decoding: try run(includes + ["--decode=\(message)", file], input: bytes),
      as: UTF8.self
    )
  }
}
