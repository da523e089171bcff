public import Cryptography
public import Faults
internal import Glibc

/// A file that a setting names: a certificate, a key, a password.
public enum SettingsFile {
  /// What any of them may hold; a chain of certificates takes a few kilobytes.
  static let bytesMax = 1 << 20

  /// Reads the whole file.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` with one sentence that names the file and the cause.
  public static func read(_ path: String) throws(Fault) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw refusal(path, String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    // Keys and passwords pass through it.
    defer { explicit_bzero(&buffer, buffer.count) }
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw refusal(path, String(cString: strerror(errno))) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= bytesMax else { throw refusal(path, "larger than \(bytesMax) bytes") }
    }
  }

  /// Reads the whole file into memory that is wiped, for a private key.
  ///
  /// - Throws: As ``read(_:)``, and when the file is empty.
  public static func readSecret(_ path: String) throws(Fault) -> SecretBytes {
    var bytes = try read(path)
    guard !bytes.isEmpty else { throw refusal(path, "it is empty") }
    return SecretBytes(wiping: &bytes)
  }

  /// Reads a file that holds one line, such as a password, without its line end.
  ///
  /// - Throws: As ``read(_:)``, and when the file is empty or not one line of UTF-8.
  public static func readLine(_ path: String) throws(Fault) -> String {
    var bytes = try read(path)[...]
    if bytes.last == UInt8(ascii: "\n") { bytes = bytes.dropLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes = bytes.dropLast() }
    guard !bytes.isEmpty, !bytes.contains(UInt8(ascii: "\n")), !bytes.contains(0),
      let line = String(validating: bytes, as: UTF8.self)
    else { throw refusal(path, "not one line of text") }
    return line
  }

  private static func refusal(_ path: String, _ cause: String) -> Fault {
    Fault(.failedPrecondition, "Cannot read \(path): \(cause)")
  }
}
