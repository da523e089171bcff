import Faults
import Protobuf

extension Message {
  /// Encoded on its own.
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    encode(appendingTo: &bytes)
    return bytes
  }

  /// Decodes an array.
  init(decoded bytes: [UInt8]) throws(Fault) {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(Fault) in try Self(decoding: buffer) }
    }
    self = try result.get()
  }

  /// What is said of bytes that are refused; nil when they are not.
  static func issues(of bytes: [UInt8]) -> [String]? {
    do throws(Fault) {
      _ = try Self(decoded: bytes)
      return nil
    } catch {
      return error.issues.map { "\($0.path.joined(separator: ".")) \($0.code)" }
    }
  }
}
