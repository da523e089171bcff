extension Rules {
  mutating func check(_ field: ContractField, of message: ContractMessageType) {
    let place = "\(message.fullName).\(field.name)"
    let options = field.options
    if !isSnakeCase(field.name) { complain(place, "names of fields are snake_case") }
    switch options.format {
    case .dateTime where field.kind != .int64: complain(place, "DATE_TIME needs int64")
    case .uuid where field.kind != .string: complain(place, "UUID needs string")
    case .email where field.kind != .string: complain(place, "EMAIL needs string")
    case .json where field.kind != .bytes: complain(place, "JSON needs bytes")
    default: break
    }
    if options.lengthMin != nil || options.lengthMax != nil, !field.kind.hasLength {
      complain(place, "a length needs string or bytes")
    }
    if options.pattern != nil, field.kind != .string { complain(place, "a pattern needs string") }
    if let pattern = options.pattern, PatternBits(pattern) == nil {
      complain(place, "a pattern is one class of ASCII characters, such as [A-Za-z0-9_-]")
    }
    if options.min != nil || options.max != nil, !field.kind.isInteger {
      complain(place, "min and max need an integer")
    }
    if options.itemsMin != nil || options.itemsMax != nil, !field.isRepeated {
      complain(place, "limits of items need a repeated field")
    }
    if (options.lengthMin ?? 0) > (options.lengthMax ?? .max)
      || (options.min ?? .min) > (options.max ?? .max)
      || (options.itemsMin ?? 0) > (options.itemsMax ?? .max)
    {
      complain(place, "a minimum is above its maximum")
    }
    if field.isImplicit, options.isRequired {
      complain(place, "with implicit presence nothing can be required")
    }
    if options.place == .presentNames, field.kind != .string || !field.isRepeated {
      complain(place, "PRESENT_NAMES needs repeated string")
    }
    switch field.kind {
    case .message(let name) where contracts.messages[name] == nil,
      .enumeration(let name) where contracts.enumerations[name] == nil:
      complain(place, "\(name) is not among the files")
    default: break
    }
  }

  private func isSnakeCase(_ name: String) -> Bool {
    name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }
      && !name.hasPrefix("_") && name.first?.isNumber == false
  }
}

extension ContractField.Kind {
  var hasLength: Bool { self == .string || self == .bytes }

  var isInteger: Bool {
    switch self {
    case .int32, .int64, .uint32, .uint64: true
    default: false
    }
  }
}
