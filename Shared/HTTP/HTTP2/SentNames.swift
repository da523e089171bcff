internal import Glibc

/// The names of the one-off fields that a connection has sent.
///
/// HPACK refers to a name in one byte if its table has a field of that name. So the first one-off field of each name goes
/// into the table, and those that follow are a reference and their value.
final class SentNames {
  /// Names that are noted; ours are a handful.
  private static let countMax = 16

  private var names: [[UInt8]] = []

  /// Whether a name has not been sent yet; it has from now on.
  func isFirst(_ name: UnsafeRawBufferPointer) -> Bool {
    guard let start = name.baseAddress else { return false }
    for known in names where known.count == name.count {
      if memcmp(known, start, name.count) == 0 { return false }
    }
    guard names.count < SentNames.countMax else { return false }
    names.append(Array(name))
    return true
  }
}
