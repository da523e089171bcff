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

  /// A hostile request file must not drive the terminal of whoever answers it.
  @Test func `a terminal obeys nothing that is in a cell`() {
    var table = Table()
    table.add(["\u{1b}[2Jgone\u{7}\u{9b}\r", "é"])
    #expect(table.text == "\u{FFFD}[2Jgone\u{FFFD}\u{FFFD}\u{FFFD}  é")
    #expect("plain\nlines é😀".printable == "plain\nlines é😀")
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
