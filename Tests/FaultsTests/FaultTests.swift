import Testing

@testable import Faults

@Suite struct FaultTests {
  struct Beneath: Error {}

  @Test func `a description shows code and message and nothing that is ours`() {
    let fault = Fault(
      .unavailable,
      "The service is out of reach",
      reason: .serviceUnavailable,
      detail: "password=hunter2",
      cause: Beneath()
    )
    #expect(fault.description == "unavailable: The service is out of reach")
    #expect("\(fault)" == fault.description)
  }

  @Test func `a debug description shows all that logs need`() {
    let fault = Fault(
      .invalidArgument,
      "Validation failed",
      reason: .validationError,
      issues: [.init(path: ["items", "0", "name"], message: "Required", code: "invalid_type")],
      detail: "from the gateway",
      cause: Beneath()
    )
    let text = fault.debugDescription
    for part in [
      "invalidArgument: Validation failed", "[VALIDATION_ERROR]",
      "items.0.name: Required (invalid_type)", "detail: from the gateway", "cause: ", "Beneath",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func `an error of our own tells the caller nothing`() {
    let fault = Fault.internalError("the row had no account")
    #expect(fault.message == "Internal error" && fault.reason == nil)
  }

  @Test func `codes have the numbers of gRPC`() {
    #expect(Fault.Code.allCases.map(\.rawValue) == Array(1...16))
    #expect(Fault.Code.notFound.rawValue == 5 && Fault.Code.unauthenticated.rawValue == 16)
  }

  @Test func `a fault takes the place of one pointer, and changing a copy leaves the other`() {
    #expect(MemoryLayout<Fault?>.size == MemoryLayout<Int>.size)
    let first = Fault(.notFound, "No such license", detail: "of another account")
    var second = first
    second.message = "Gone"
    second.facts.append(.init("max", 1))
    #expect(first.message == "No such license" && first.facts.isEmpty)
    #expect(second.message == "Gone" && second.facts == [.init("max", 1)])
    #expect(second.code == .notFound && second.detail == "of another account")
  }
}
