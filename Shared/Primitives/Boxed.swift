/// A value in an object of its own, made once and then shared.
///
/// For large values that pass through many hands: each gets one reference, where a copy would count one for each text
/// in the value, and take its size in every suspended function that holds it.
public final class Boxed<Value: Sendable>: Sendable {
  /// The value.
  public let value: Value

  /// Takes the value over.
  public init(_ value: consuming Value) { self.value = value }
}
