internal import Cryptography
internal import Glibc
internal import LatchkeyOffline
internal import Primitives

/// Reads what the command is given: files, standard input, the environment.
enum Input {
  /// Beyond every file that is accepted; what is longer is read no further, and refused by its reader.
  private static let bytesMax = 8 << 20

  /// The bytes of a file, or of standard input for `-`.
  static func bytes(of path: String) throws(Complaint) -> [UInt8] {
    let isStandard = path == "-"
    let descriptor = isStandard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw complaint(path, errno) }
    defer { if !isStandard { close(descriptor) } }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= bytesMax {
      let count = read(descriptor, &piece, piece.count)
      if count > 0 {
        bytes += piece[..<count]
      } else if count == 0 {
        return bytes
      } else if errno != EINTR {
        throw complaint(path, errno)
      }
    }
    throw Complaint("\(path) is too large")
  }

  /// A value that is given as it is, or as `@FILE`.
  static func value(_ text: String) throws(Complaint) -> String {
    guard text.hasPrefix("@") else { return text }
    return try line(of: String(text.dropFirst()))
  }

  static func publicKey(_ text: String) throws(Complaint) -> Ed25519PublicKey {
    guard let key = Ed25519PublicKey(text: try value(text)) else {
      throw Complaint("a key must be base 64 of an Ed25519 SubjectPublicKeyInfo, or @FILE")
    }
    return key
  }

  /// The license key, from where nobody else can see it; nil where none is given.
  static func licenseKey(_ option: String?) throws(Complaint) -> String? {
    guard let option else {
      return getenv("LATCHKEY_LICENSE_KEY").map { String(cString: $0) }
    }
    if option == "-" { return try line(of: "-") }
    guard option.hasPrefix("@") else {
      throw Complaint(
        "--license-key takes @FILE or - (standard input): every user of this machine can see arguments"
      )
    }
    return try line(of: String(option.dropFirst()))
  }

  static func requiredLicenseKey(_ option: String?) throws(Complaint) -> String {
    guard let key = try licenseKey(option) else {
      throw Complaint("--license-key or LATCHKEY_LICENSE_KEY is needed")
    }
    return key
  }

  /// The seed of a root, from where nobody else can see it.
  static func rootKey(_ option: String) throws(Complaint) -> Ed25519PrivateKey {
    guard option == "-" || option.hasPrefix("@") else {
      throw Complaint(
        "--root-key takes @FILE or - (standard input): every user of this machine can see arguments"
      )
    }
    let text = try line(of: option == "-" ? option : String(option.dropFirst()))
    guard var seed = Base64.decode(text), seed.count == Ed25519PrivateKey.seedByteCount else {
      throw Complaint("a root key must be base 64 of 32 bytes")
    }
    return Ed25519PrivateKey(seed: SecretBytes(wiping: &seed))
  }

  /// A file of one line, without its end.
  private static func line(of path: String) throws(Complaint) -> String {
    let bytes = try bytes(of: path)
    let end = bytes.lastIndex { $0 != 0x0a && $0 != 0x0d } ?? -1
    guard let text = String(validating: bytes[...end], as: UTF8.self) else {
      throw Complaint("\(path) is not UTF-8")
    }
    return text
  }

  private static func complaint(_ path: String, _ code: Int32) -> Complaint {
    Complaint("cannot read \(path): \(String(cString: strerror(code)))")
  }
}
