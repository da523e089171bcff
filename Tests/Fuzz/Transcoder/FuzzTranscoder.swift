internal import Fuzzing

/// Fuzzes the JSON transcoder both ways.
///
/// The first byte chooses the message, and whether the rest is a request's body or a service's answer.
@main
enum FuzzTranscoder {
  static func main() {
    let subjects = Subject.all
    Fuzzer.run { bytes in
      guard let first = bytes.first else { return }
      let input = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
      let subject = subjects[Int(first >> 1) % subjects.count]
      if first & 1 == 0 { subject.tryRequest(input) } else { subject.tryAnswer(Array(input)) }
    }
  }
}
