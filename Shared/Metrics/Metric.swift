/// What is known of a metric before it has a value: its name, its kind and a sentence about it.
///
/// Declared where it is measured, as a constant, so that the name is written once. Names follow the conventions of
/// Prometheus: `latchkey_`, what is measured, and the unit last; counters end in `_total`.
/// Source: Prometheus, "Metric and label naming".
public struct Metric: Hashable, Sendable {
  /// How the values are to be read.
  public enum Kind: String, Sendable {
    /// Only grows, from zero at the start of the process.
    case counter
    /// Goes up and down.
    case gauge
    /// How many values fell into which bucket, and their sum.
    case histogram
  }

  /// The metric's name.
  public let name: String
  /// How the values are to be read.
  public let kind: Kind
  /// A sentence about it.
  public let help: String

  /// Describes a metric.
  ///
  /// - Parameters:
  ///   - name: Lower-case letters, digits and underscores.
  ///   - kind: How the values are to be read.
  ///   - help: A sentence about it, on one line.
  public init(_ name: String, _ kind: Kind, _ help: String) {
    self.name = name
    self.kind = kind
    self.help = help
  }
}
