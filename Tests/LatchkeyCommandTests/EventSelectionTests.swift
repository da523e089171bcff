import Changes
import Faults
import Testing

@testable import LatchkeyCommand

@Suite struct EventSelectionTests {
  @Test(arguments: [[], ["*"], ["*", "license.created"]])
  func `without a choice, and by the star, all events are forwarded`(names: [String]) throws {
    let selection = try EventSelection(names)
    #expect(EventType.allCases.allSatisfy { selection.contains($0.rawValue) })
    // One that only a newer release knows.
    #expect(selection.contains("license.moved"))
  }

  @Test(arguments: EventType.allCases)
  func `every type that there is can be chosen, and leaves out the others`(type: EventType) throws {
    let selection = try EventSelection([type.rawValue])
    #expect(EventType.allCases.filter { selection.contains($0.rawValue) } == [type])
    #expect(!selection.contains("license.moved"))
  }

  @Test(arguments: [
    "license.creatd", "License.created", "license.*", "license.created,license.updated", "",
  ])
  func `what is no type is refused by its name`(name: String) {
    let fault = #expect(throws: Fault.self) { try EventSelection(["license.created", name]) }
    #expect(fault?.code == .invalidArgument)
    #expect(
      fault?.message.contains("there is no type \(name); there are *, license.created, ") == true
    )
  }
}
