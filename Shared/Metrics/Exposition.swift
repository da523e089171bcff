/// All metrics of a process at one moment, as Prometheus reads them.
///
/// Made anew for each scrape by asking everybody who has something to tell; between scrapes nothing is kept but the
/// numbers themselves.
/// Source: Prometheus, "Exposition formats", text format 0.0.4.
public struct Exposition {
  /// The content type of ``text``.
  public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  /// A name and a value each; values may be any text, but are of a closed set.
  public typealias Labels = KeyValuePairs<StaticString, String>

  private struct Family {
    let metric: Metric
    var samples: [UInt8] = []
  }

  private var families: [Family] = []
  private var positions: [String: Int] = [:]

  /// No metric.
  public init() {}

  /// Adds the one value of a counter or gauge.
  public mutating func add(_ metric: Metric, _ value: Int) { add(metric, [:], value) }

  /// Adds the one value of a counter or gauge.
  public mutating func add(_ metric: Metric, _ value: Double) { add(metric, [:], value) }

  /// Adds the values of a histogram that is the only one of its metric.
  public mutating func add(_ metric: Metric, _ histogram: Histogram) {
    add(metric, [:], histogram)
  }

  /// Adds a value of a counter or gauge.
  public mutating func add(_ metric: Metric, _ labels: Labels, _ value: Int) {
    add(metric, labels, text: String(value))
  }

  /// Adds a value of a counter or gauge.
  public mutating func add(_ metric: Metric, _ labels: Labels, _ value: Double) {
    add(metric, labels, text: Exposition.text(of: value))
  }

  /// Adds the values of a histogram.
  public mutating func add(_ metric: Metric, _ labels: Labels, _ histogram: Histogram) {
    precondition(metric.kind == .histogram, "\(metric.name) is no histogram")
    let family = position(of: metric)
    var count = 0
    for (bucket, own) in histogram.counts.enumerated() {
      count += own
      let isLast = bucket == histogram.scale.texts.count
      append(
        to: family,
        suffix: "_bucket",
        labels,
        bound: isLast ? "+Inf" : histogram.scale.texts[bucket],
        String(count)
      )
    }
    let sum = Double(histogram.sum) / histogram.scale.divisor
    append(to: family, suffix: "_sum", labels, Exposition.text(of: sum))
    append(to: family, suffix: "_count", labels, String(count))
  }

  private mutating func add(_ metric: Metric, _ labels: Labels, text: String) {
    precondition(metric.kind != .histogram, "\(metric.name) is a histogram")
    append(to: position(of: metric), labels, text)
  }

  private mutating func position(of metric: Metric) -> Int {
    if let known = positions[metric.name] {
      precondition(families[known].metric == metric, "\(metric.name) is described in two ways")
      return known
    }
    positions[metric.name] = families.count
    families.append(Family(metric: metric))
    return families.count - 1
  }

  private mutating func append(
    to family: Int,
    suffix: String = "",
    _ labels: Labels,
    bound: String? = nil,
    _ value: String
  ) {
    var line = families[family].metric.name + suffix
    var shown = labels.map { "\($0.key)=\"\(Exposition.escaped($0.value))\"" }
    if let bound { shown.append("le=\"\(bound)\"") }
    if !shown.isEmpty { line += "{" + shown.joined(separator: ",") + "}" }
    families[family].samples.append(contentsOf: "\(line) \(value)\n".utf8)
  }

  /// Everything that was added, metric by metric.
  public var text: [UInt8] {
    var text: [UInt8] = []
    for family in families {
      let metric = family.metric
      text.append(
        contentsOf: "# HELP \(metric.name) \(metric.help)\n# TYPE \(metric.name) \(metric.kind)\n"
          .utf8
      )
      text.append(contentsOf: family.samples)
    }
    return text
  }

  /// A number as Prometheus reads it.
  static func text(of value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    // The shortest text that gives the same number again; whole ones without the ".0" that is only noise.
    return Double(Int64(exactly: value) ?? 0) == value && abs(value) < 1e15
      ? String(Int64(value)) : "\(value)"
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
