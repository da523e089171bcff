public import Faults
internal import Glibc

/// Files of certificates and keys.
public enum PEMFile {
  /// Far above the largest chain in use: what is larger was not meant.
  public static let sizeMax = 1_048_576

  /// Reads a file of certificates or a key as a whole; it blocks, so it is for start and reload.
  ///
  /// - Parameter path: The file.
  /// - Returns: The bytes as they are; nothing is parsed.
  /// - Throws: ``Fault`` `failedPrecondition` that names the file and says why it cannot be read.
  public static func read(_ path: String) throws(Fault) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path, errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    // A private key may have passed through here.
    defer { explicit_bzero(&chunk, chunk.count) }
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw unreadable(path, errno)
      }
      bytes.append(contentsOf: chunk[..<count])
      if bytes.count > sizeMax {
        throw Fault(.failedPrecondition, "\(path) is larger than \(sizeMax) bytes")
      }
    }
  }

  private static func unreadable(_ path: String, _ code: Int32) -> Fault {
    Fault(.failedPrecondition, "\(path) cannot be read: \(String(cString: strerror(code)))")
  }
}

extension TLSIdentity {
  /// Reads an identity from its two files.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` that names the file and says why it cannot be read.
  public static func load(certificateFile: String, keyFile: String) throws(Fault) -> TLSIdentity {
    TLSIdentity(
      certificateChain: try PEMFile.read(certificateFile),
      privateKey: try PEMFile.read(keyFile)
    )
  }
}
