internal import Cryptography
internal import Faults

/// The certificate authorities that an endpoint's owner trusts in place of the system's, for a receiver with a
/// certificate of a private authority.
///
/// `@unchecked Sendable`: the memory is written by `init` alone.
public final class TrustedAuthorities: @unchecked Sendable {
  /// The largest bundle, in bytes.
  ///
  /// Room for some twenty certificates; a private authority has one or two.
  public static let bytesMax = 64 * 1024
  /// The most certificates in a bundle.
  public static let certificatesMax = 20

  /// The PEM text, at a place that does not move: libcurl refers to it and does not copy.
  let pem: UnsafeRawBufferPointer

  /// Why a bundle is refused, in a sentence for its owner.
  public struct Refusal: Error, Equatable {
    /// What is wrong, and what would be right.
    public let message: String
  }

  /// Takes a bundle of certificates in PEM.
  ///
  /// - Throws: ``Refusal`` when it is too large, holds anything but certificates, or one that cannot be read.
  public init(pem text: String) throws(Refusal) {
    guard text.utf8.count <= TrustedAuthorities.bytesMax else {
      throw Refusal(message: "Must have at most \(TrustedAuthorities.bytesMax) bytes")
    }
    let blocks = try TrustedAuthorities.blocks(text)
    guard (1...TrustedAuthorities.certificatesMax).contains(blocks.count) else {
      throw Refusal(
        message: "Must hold 1 to \(TrustedAuthorities.certificatesMax) certificates in PEM"
      )
    }
    for (index, block) in blocks.enumerated() {
      do throws(Fault) {
        _ = try IssuedCertificate.expiry(ofPEM: Array(block.utf8))
      } catch {
        throw Refusal(message: "Certificate \(index + 1) cannot be read")
      }
    }
    // Only what was checked is kept: text between the certificates is not.
    let kept = Array(blocks.joined(separator: "\n").utf8)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: kept.count, alignment: 1)
    memory.copyBytes(from: kept)
    pem = UnsafeRawBufferPointer(memory)
  }

  deinit {
    pem.deallocate()
  }

  /// The certificates, each with its marks.
  ///
  /// - Throws: ``Refusal`` for any other kind of block, above all a private key, which belongs nowhere but at its owner's.
  private static func blocks(_ text: String) throws(Refusal) -> [String] {
    var blocks: [String] = []
    var current: String?
    for line in text.split(whereSeparator: \.isNewline) {
      if line.hasPrefix("-----BEGIN ") {
        guard line == "-----BEGIN CERTIFICATE-----", current == nil else {
          throw Refusal(message: "Must hold certificates only, and above all no private key")
        }
        current = ""
      }
      guard current != nil else { continue }
      current?.append(contentsOf: "\(line)\n")
      if line == "-----END CERTIFICATE-----" {
        if let block = current { blocks.append(block) }
        current = nil
      }
    }
    guard current == nil else { throw Refusal(message: "The last certificate is not complete") }
    return blocks
  }
}
