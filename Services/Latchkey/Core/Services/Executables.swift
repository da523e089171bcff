internal import Faults
internal import Glibc

/// The services' executables, which lie beside our own: a build and an installation are both complete
/// in one folder.
enum Executables {
  /// The folder with all of them.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` that names the first one that is missing.
  static func find() throws(Fault) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { throw Files.fault("Cannot tell where latchkey lies", errno) }
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = path.split(separator: "/").dropLast().reduce(into: "") { $0 += "/\($1)" }
    try check(in: folder)
    return folder
  }

  /// Checks that every service is in a folder.
  static func check(in folder: String) throws(Fault) {
    for service in ServiceName.allCases {
      guard access("\(folder)/\(service.executable)", X_OK) == 0 else {
        throw Fault(
          .failedPrecondition,
          "\(service.executable) is not beside latchkey in \(folder); run: make build"
        )
      }
    }
  }
}
