import Changes
import Faults
import Primitives
import Testing

@testable import LatchkeyCommand

@Suite struct AuditHeadsTests {
  @Test func `what was printed is read again`() throws {
    let scratch = try ScratchDeployment()
    let head = AuditVerifier.Head(
      account: .v7(),
      position: 12,
      hash: (0..<32).map { UInt8($0) }
    )
    let empty = AuditVerifier.Head(account: .v7(), position: 0, hash: [])
    let path = "\(scratch.directory.path)/heads"
    try Files.write(
      "\(AuditHeads.line(head)) ok, 3 not sealed yet\n  a problem\n\(AuditHeads.line(empty)) ok\n",
      to: path
    )
    #expect(try AuditHeads.read(path) == [head])
  }

  @Test(arguments: [
    "nonsense", "01890000-0000-7000-8000-000000000000 1",
    "01890000-0000-7000-8000-000000000000 -1 00",
    "01890000-0000-7000-8000-000000000000 1 abcd ok",
  ])
  func `what was not printed by us is refused, with its line`(line: String) throws {
    let scratch = try ScratchDeployment()
    let path = "\(scratch.directory.path)/heads"
    try Files.write("\n\(line)\n", to: path)
    let fault = try #require(throws: Fault.self) { _ = try AuditHeads.read(path) }
    #expect(fault.message.contains("line 2"))
  }
}
