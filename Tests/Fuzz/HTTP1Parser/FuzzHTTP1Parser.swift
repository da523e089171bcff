internal import Fuzzing

/// Fuzzes the HTTP/1.1 parser: it never traps, never leaves its input, and reads the same from the
/// same bytes however they are cut.
@main
enum FuzzHTTP1Parser {
  static func main() {
    Fuzzer.run { bytes in
      guard let first = bytes.first else { return }
      let input = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
      let whole = ParsedText(input, pieceSize: .max)
      for pieceSize in [1, 2 + Int(first)] {
        let cut = ParsedText(input, pieceSize: pieceSize)
        precondition(cut == whole, "pieces of \(pieceSize) read differently")
      }
    }
  }
}
