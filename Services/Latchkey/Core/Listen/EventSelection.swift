internal import Faults
internal import Messages
internal import Protobuf

/// Which events are forwarded: those of some types, or all.
///
/// The names are those of the contract, which says too what a webhook may choose.
struct EventSelection {
  private let types: Set<Webhook.EventType>

  /// Takes names of types, `*` for all; all events when there are none.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for what is no type, which would match nothing.
  init(_ names: [String]) throws(Fault) {
    var types: Set<Webhook.EventType> = []
    for name in names {
      guard let type = Webhook.EventType(named: name) else {
        let known = Webhook.EventType.schema.values.map(\.name).joined(separator: ", ")
        throw Fault(
          .invalidArgument,
          "--events: there is no type \(name.printable); there are \(known)"
        )
      }
      types.insert(type)
    }
    self.types = types.isEmpty ? [.all] : types
  }

  /// Whether events of a type are forwarded.
  func contains(_ name: String) -> Bool {
    types.contains(.all) || Webhook.EventType(named: name).map(types.contains) == true
  }
}

extension Webhook.EventType {
  fileprivate init?(named name: String) {
    guard let number = Self.schema.number(named: name) else { return nil }
    self.init(rawValue: number)
  }
}
