import CDescriptors

/// The comments of a file, by where they stand.
struct Comments {
  private var leading: [[Int32]: String] = [:]

  init(_ file: UnsafePointer<DescriptorSet.File>) {
    guard let source = file.pointee.source_code_info else { return }
    for location in pointers(source.pointee.location, source.pointee.n_location) {
      let comment =
        location.pointee.leading_comments ?? location.pointee.trailing_comments
      guard let comment else { continue }
      let path = Array(
        UnsafeBufferPointer(start: location.pointee.path, count: location.pointee.n_path)
      )
      leading[path] = Self.tidy(String(cString: comment))
    }
  }

  /// The comment in front of a declaration, else the one behind it on its line; empty when there is none.
  subscript(_ path: [Int32]) -> String { leading[path] ?? "" }

  /// Takes away the blank that follows `//`.
  private static func tidy(_ comment: String) -> String {
    var lines = comment.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix(" ") ? String(line.dropFirst()) : String(line)
    }
    while lines.last == "" { lines.removeLast() }
    return lines.joined(separator: "\n")
  }
}
