import Primitives
import Testing

/// Dates as HTTP writes them.
@Suite struct HTTPDateTests {
  @Test(arguments: [
    // The three examples of RFC 9110, section 5.6.7.
    ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37.000Z"),
    ("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37.000Z"),
    ("Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37.000Z"),
    ("Thu, 29 Feb 2024 23:59:59 GMT", "2024-02-29T23:59:59.000Z"),
    ("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59.000Z"),
    ("Thursday, 01-Jan-70 00:00:00 GMT", "1970-01-01T00:00:00.000Z"),
    ("Tuesday, 31-Dec-69 00:00:00 GMT", "2069-12-31T00:00:00.000Z"),
  ])
  func `all three forms are read`(text: String, expected: String) {
    #expect(Timestamp(httpDate: text)?.iso8601 == expected)
  }

  @Test(arguments: [
    "", " ", "GMT", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 6x Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Thu, 29 Feb 2023 00:00:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
    "Sunday, 06-Nov-1 08:49:37 GMT", "Sun Nov 6 08:49:37 94 1", "1994-11-06T08:49:37Z", "120",
  ])
  func `anything else is refused`(text: String) {
    #expect(Timestamp(httpDate: text) == nil)
  }
}
