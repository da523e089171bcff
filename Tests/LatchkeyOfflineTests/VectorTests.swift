import Cryptography
import Glibc
import Primitives
import Testing

@testable import LatchkeyOffline

/// The vectors that every SDK runs, `Services/Signing/vectors`: made here, and as they are in the repository.
///
/// `LATCHKEY_WRITE_VECTORS=1 swift test --filter VectorTests` writes the files anew, which only a new release of the
/// format may do.
@Suite struct VectorTests {
  @Test(arguments: try VerificationCase.files() + VerificationCase.keys())
  func `a file gets the result of its row`(row: VerificationCase) throws {
    let outcome = try row.outcome()
    #expect(outcome.verdict == row.result, "\(outcome.message)")
    #expect((outcome.payload != nil) == (row.result == .valid && row.licenseKey != nil))
    if let payload = outcome.payload { #expect(try payload == Vendor.payload) }
  }

  @Test(arguments: try AirGapCase.all())
  func `a request or receipt gets the result of its row`(row: AirGapCase) {
    #expect(row.verdict() == row.result)
  }

  @Test func `there is a row for every result`() throws {
    let rows = try VerificationCase.files() + VerificationCase.keys()
    #expect(Set(rows.map(\.result)) == Set(Verdict.allCases))
    #expect(Set(rows.map(\.name)).count == rows.count)
  }

  @Test func `the files in the repository are what is made here`() throws {
    for (name, text) in [
      ("verification.json", try verification()),
      ("air-gap.json", document([("cases", try AirGapCase.all().map(\.json))])),
      (
        "derivations.json",
        document([("keys", DerivationCase.keys()), ("cases", try DerivationCase.all())])
      ),
    ] {
      if getenv("LATCHKEY_WRITE_VECTORS") != nil { VectorFile(name).write(text) }
      #expect(VectorFile(name).read() == text, "\(name) differs")
    }
  }

  /// Public keys and signatures of `vectors/signatures.json`, which `Tests/harness/ed25519.py` has made by arithmetic of
  /// its own: each has the result that strict verification gives it.
  @Test func `signatures are checked strictly`() throws {
    let cases = try Fields(VectorFile("signatures.json").read()).objects("cases", countMax: 1_000)
    #expect(cases.count > 30)
    for row in cases {
      let name = try row.text("name", bytes: 1...200)
      func bytes(_ field: String) throws -> [UInt8] {
        try #require(Hex.decode(try row.text(field, bytes: 0...4_096)))
      }
      let key = Ed25519PublicKey(bytes: try bytes("publicKey"))
      let isValid = key?.isValid(try bytes("signature"), for: try bytes("message")) ?? false
      #expect(isValid == (try row.text("result", bytes: 1...20) == "VALID"), "\(name)")
    }
  }

  /// Each text stands once, and is named where it is used.
  private func verification() throws -> [UInt8] {
    var names: [String: String] = [:]
    var documents: [[UInt8]] = []
    func name(_ text: String) -> String {
      if let name = names[text] { return name }
      let name = "document \(names.count + 1)"
      names[text] = name
      documents.append(
        JSONWriter.object {
          $0.member("name", name)
          $0.member("text", text)
        }
      )
      return name
    }
    let cases = try (VerificationCase.files() + VerificationCase.keys()).map { row in
      let isOpened = row.result == .valid && row.licenseKey != nil
      let payload = try isOpened ? String(decoding: Vendor.payload.json, as: UTF8.self) : nil
      return row.json(naming: name, payload: payload)
    }
    return document([("documents", documents), ("cases", cases)])
  }

  /// Lists of objects, one a line, so that differences can be read.
  private func document(_ lists: [(String, [[UInt8]])]) -> [UInt8] {
    var text = Array("{\"version\":1".utf8)
    for (name, rows) in lists {
      text += ",\n\"\(name)\":[\n".utf8
      text += rows.joined(separator: Array(",\n".utf8))
      text += "\n]".utf8
    }
    return text + Array("}\n".utf8)
  }
}

/// A file of `Services/Signing/vectors`.
private struct VectorFile {
  private let path: String

  init(_ name: String, from source: String = #filePath) {
    let root = source.split(separator: "/").dropLast(3).joined(separator: "/")
    path = "/\(root)/Services/Signing/vectors/\(name)"
  }

  func read() -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 {
      bytes += piece[..<count]
    }
    return bytes
  }

  func write(_ bytes: [UInt8]) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
}
