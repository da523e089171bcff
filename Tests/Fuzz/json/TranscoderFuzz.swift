import Faults
import Protobuf
import TestMessages
import Transcoding

/// Feeds the transcoder with what libFuzzer thinks of, and checks what must hold for any input.
///
/// The first byte chooses what the others are: a body, a parameter, or a service's answer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTranscoder(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 0 else { return 0 }
  let input = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  switch start[0] % 4 {
  case 0: everything.checkBody(input)
  case 1: constrained.checkBody(input)
  case 2: everything.checkParameter(input)
  default: everything.checkAnswer(input)
  }
  return 0
}

private let everything = Subject<Everything>()
private let constrained = Subject<Constrained>()

/// Stops the fuzzer, which keeps the input; unlike `precondition`, this says why in an optimised build too.
private func check(_ condition: Bool, _ message: StaticString) {
  if !condition { fatalError("\(message)") }
}

/// One message type in both directions.
private struct Subject<Value: ContractMessage>: Sendable {
  let request = RequestPlan(Value.schema)
  let response = ResponsePlan(Value.schema)

  /// A body is either refused with issues, or a message that keeps its contract and that survives the way
  /// to JSON and back.
  func checkBody(_ text: [UInt8]) {
    guard let message = encode(text) else { return }
    check(holdsContract(message), "a request breaks its contract")
    guard let answer = try? response.json(message, isEnveloped: false) else {
      fatalError("a request cannot be written as JSON")
    }
    check(encode(answer) == message, "a message changes on its way to JSON and back")
  }

  /// Every field takes the parameter or names what is wrong with it.
  func checkParameter(_ value: [UInt8]) {
    for field in Value.schema.fields where field.type.rawValue != 16 {
      do throws(Fault) {
        let parameter = RequestParameter(field: field.index, value: value)
        let message = try request.encode(body: [], parameters: [parameter])
        check(holdsContract(message), "a parameter breaks the contract")
      } catch {
        check(error.code == .invalidArgument && !error.issues.isEmpty, "a refusal without an issue")
        check(error.issues[0].path.first == field.jsonName, "a refusal of another field")
      }
    }
  }

  /// Any bytes are an answer that is JSON, or our own error.
  func checkAnswer(_ bytes: [UInt8]) {
    do throws(Fault) {
      let text = try response.json(bytes, isEnveloped: true)
      check(String(validating: text, as: UTF8.self) != nil, "an answer is not UTF-8")
      // Of another shape than a request, so it is only read: whether it is JSON is what counts. Unsigned
      // integers beyond Int64 are JSON that we do not read.
      _ = try request.encode(body: text)
    } catch {
      check(
        error.code == .internalError
          || error.issues.allSatisfy {
            $0.code != "invalid_json" || $0.message.contains("too large")
          },
        "an answer is not JSON"
      )
    }
  }

  private func encode(_ text: [UInt8]) -> [UInt8]? {
    do throws(Fault) {
      return try request.encode(body: text)
    } catch {
      check(error.code == .invalidArgument, "a request is refused as something else than invalid")
      check(!error.issues.isEmpty, "a refusal without an issue")
      check(error.issues.count <= JSONLimits.issuesMax, "too many issues")
      return nil
    }
  }

  private func holdsContract(_ message: [UInt8]) -> Bool {
    message.withUnsafeBytes { (try? Value(decoding: $0)) != nil }
  }
}
