import Testing

@testable import LatchkeyCommand

@Suite struct TableTests {
  @Test func `columns are as wide as their widest value`() {
    var table = Table(["KEY", "STATE", "FILES"])
    table.add(["029bbef3", "active", "12"])
    table.add(["1", "é", ""])
    #expect(table.text == "KEY       STATE   FILES\n029bbef3  active  12\n1         é       ")
    #expect(Table().text == "")
  }

  @Test(arguments: [
    ("2026-01-15T10:30:00.000Z", "2026-01-15 10:30:00 UTC"), ("never", "never"), ("", ""),
  ])
  func `a moment is told to the second`(text: String, told: String) {
    #expect(Moment.told(text) == told)
  }

  @Test(
    arguments: [
      (1_209_600, "14 days"), (86_400, "1 day"), (7_200, "2 hours"), (5_400, "90 minutes"),
      (3_601, "3601 seconds"), (1, "1 second"), (0, "0 seconds"),
    ] as [(Int64, String)]
  )
  func `a time is told in the largest unit that it fills`(seconds: Int64, told: String) {
    #expect(Moment.told(seconds: seconds) == told)
  }
}
