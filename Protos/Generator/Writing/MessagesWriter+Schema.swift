extension MessagesWriter {
  func writeSchema(
    _ message: ContractMessageType,
    _ fields: [SwiftField],
    _ text: inout SourceText
  ) throws(Failure) {
    let descriptor = Names.cFunction(message.fullName) + "__get_descriptor()"
    text.add("public static let schema = MessageSchema(")
    guard !fields.isEmpty else { return text.add("  \(descriptor), [])") }
    text.add("  \(descriptor),")
    text.add("  [")
    for field in fields { text.add("    \(contract(of: field)),") }
    text.add("  ])")
  }

  private func contract(of swift: SwiftField) -> String {
    let field = swift.field
    let options = field.options
    var arguments = [quoted(field.jsonName)]
    if options.isRequired { arguments.append("isRequired: true") }
    if options.format != .plain { arguments.append("format: .\(options.format.rawValue)") }
    if options.place != .body { arguments.append("place: .\(options.place.rawValue)") }
    if options.isNeverNull { arguments.append("isNeverNull: true") }
    if options.isSecret { arguments.append("isSecret: true") }
    if let range = range(options.lengthMin, options.lengthMax, least: "0") {
      arguments.append("length: \(range)")
    }
    if let pattern = options.pattern, let bits = PatternBits(pattern) {
      arguments.append(
        "characters: CharacterClass(\(quoted(pattern)), low: \(bits.low), high: \(bits.high))"
      )
    }
    if let range = range(options.min, options.max, least: "Int64.min") {
      arguments.append("range: \(range)")
    }
    if let range = range(options.itemsMin, options.itemsMax, least: "0") {
      arguments.append("items: \(range)")
    }
    switch field.kind {
    case .message: arguments.append("message: \(swift.element).schema")
    case .enumeration: arguments.append("enumeration: \(swift.element).schema")
    default: break
    }
    return "FieldContract(\(arguments.joined(separator: ", ")))"
  }

  private func range<Value: BinaryInteger>(
    _ min: Value?,
    _ max: Value?,
    least: String
  ) -> String? {
    guard min != nil || max != nil else { return nil }
    return "\(min.map { "\($0)" } ?? least)...\(max.map { "\($0)" } ?? "\(Value.self).max")"
  }
}
