/// Metrics of several processes as those of one: whose each value is, is said by a label.
///
/// Reads what ``Exposition`` writes, where a metric's `# HELP` and `# TYPE` come before its values.
public struct MergedExposition {
  private struct Family {
    var head: [Substring]
    var samples: [String] = []
  }

  private let label: String
  private var families: [Family] = []
  private var positions: [Substring: Int] = [:]

  /// No metric.
  ///
  /// - Parameter label: The label that is added.
  public init(label: String) { self.label = label }

  /// Adds the metrics of one process.
  ///
  /// - Parameters:
  ///   - text: What it says.
  ///   - source: The label's value for all of them; nil adds no label.
  public mutating func add(_ text: [UInt8], from source: String? = nil) {
    var current: Int?
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      guard line.hasPrefix("# ") else {
        // A value before any head is of no metric.
        if let current { families[current].samples.append(labelled(line, source)) }
        continue
      }
      let words = line.split(separator: " ", maxSplits: 3)
      guard words.count > 2 else { continue }
      if let known = positions[words[2]] {
        current = known
        if families[known].head.count < 2, words[1] == "TYPE" { families[known].head.append(line) }
      } else {
        current = families.count
        positions[words[2]] = families.count
        families.append(Family(head: [line]))
      }
    }
  }

  /// A value's line with the label before its own ones.
  private func labelled(_ line: Substring, _ source: String?) -> String {
    guard let source,
      let end = line.firstIndex(where: { $0 == "{" || $0 == " " })
    else { return String(line) }
    let rest = line[end...]
    let own = rest.first == "{" ? "," + rest.dropFirst() : "}" + rest
    return "\(line[..<end]){\(label)=\"\(source)\"\(own)"
  }

  /// Everything that was added, metric by metric.
  public var text: [UInt8] {
    var text: [UInt8] = []
    for family in families {
      for line in family.head { text.append(contentsOf: "\(line)\n".utf8) }
      for line in family.samples { text.append(contentsOf: "\(line)\n".utf8) }
    }
    return text
  }
}
