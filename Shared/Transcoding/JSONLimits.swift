/// The limits on JSON text from outside; nothing hostile gets past them into memory.
public enum JSONLimits {
  /// How deeply objects and arrays may nest.
  ///
  /// Our own messages nest 4 deep; the rest is for metadata, which people nest by hand. The parser
  /// recurses, so this also bounds its stack.
  public static let depthMax = 32

  /// How many values (members and elements) one text may have.
  ///
  /// A parsed empty object costs about 250 bytes where its text has 3, so that a body of 1 MiB could
  /// grow a hundredfold. With this limit a text costs 5 MiB at most, and the largest list a
  /// request carries (1,000 items of 10 fields) still fits.
  public static let valuesMax = 20_000

  /// The most problems that are reported for one text.
  ///
  /// Enough for any form; an array of 20,000 wrong elements is not echoed one by one.
  public static let issuesMax = 100

  /// The largest raw JSON field (metadata), in bytes of compact text.
  public static let rawBytesMax = 65_536
}
