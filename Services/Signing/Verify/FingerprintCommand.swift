internal import Cryptography
internal import Primitives

/// `latchkey-verify fingerprint`: the same on every start, another on every installation.
///
/// A hash, since the machine id itself should not leave the machine (`machine-id(5)`). A container or virtual machine
/// that is copied with its machine id has the same one.
enum FingerprintCommand {
  private static let path = "/etc/machine-id"

  static func run(_ words: [String]) throws(Complaint) -> Int32 {
    try Arguments(words, options: []).checkNoFile()
    let id = try Input.bytes(of: path).filter { Hex.value(of: $0) != nil }
    guard id.count == 32 else {
      throw Complaint("\(path) does not hold a machine id; make one with systemd-machine-id-setup")
    }
    let hash = SHA256.hash(Array("latchkey machine fingerprint 1\0".utf8) + id)
    Output.write(Hex.encode(hash) + "\n")
    return ExitStatus.done
  }
}
