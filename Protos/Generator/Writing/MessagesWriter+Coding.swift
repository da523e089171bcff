extension MessagesWriter {
  func writeDecoding(
    _ message: ContractMessageType,
    _ fields: [SwiftField],
    _ text: inout SourceText
  ) throws(Failure) {
    let structure = Names.cType(message.fullName)
    try text.block("public init(decoding bytes: UnsafeRawBufferPointer) throws(Fault) {") {
      (text) in
      text.add("let arena = Arena()")
      text.add("let message = try arena.unpack(bytes, Self.schema, as: \(structure).self)")
      text.add("guard let value = Self(message) else {")
      text.add("  throw arena.refusal(of: message, Self.schema)")
      text.add("}")
      text.add("try arena.check(message, Self.schema)")
      text.add("self = value")
    }
    text.add()
    text.add(
      "/// Nil when a required field is absent, a string is bad, or an enum value is unknown."
    )
    try text.block("init?(_ message: UnsafePointer<\(structure)>) {") { (text) in
      for field in fields { writeRead(field, &text) }
    }
  }

  private func writeRead(_ swift: SwiftField, _ text: inout SourceText) {
    let name = "self.\(swift.name)"
    let source = "message.pointee.\(swift.cName)"
    let flag = "message.pointee.has_\(swift.cName.filter { $0 != "`" }) != 0"
    if swift.presence == .repeated {
      let count = "message.pointee.n_\(swift.cName.filter { $0 != "`" })"
      return writeRepeatedRead(swift, source, count, &text)
    }
    let read = swift.read(swift.isPointer ? "value" : source)
    switch (swift.presence, swift.isPointer, swift.canBeBad) {
    case (.required, true, _):
      text.add("guard let value = \(source), let value = \(read) else { return nil }")
      text.add("\(name) = value")
    case (.required, false, true):
      text.add("guard \(flag), let value = \(read) else { return nil }")
      text.add("\(name) = value")
    case (.required, false, false):
      text.add("guard \(flag) else { return nil }")
      text.add("\(name) = \(read)")
    case (_, true, _):
      text.add("if let value = \(source) {")
      text.add("  guard let value = \(read) else { return nil }")
      text.add("  \(name) = value")
      text.add("} else {")
      text.add("  \(name) = \(swift.defaultValue ?? "nil")")
      text.add("}")
    case (.implicit, false, true):
      text.add("guard let value = \(read) else { return nil }")
      text.add("\(name) = value")
    case (.implicit, false, false):
      text.add("\(name) = \(read)")
    case (_, false, true):
      text.add("if \(flag) {")
      text.add("  guard let value = \(read) else { return nil }")
      text.add("  \(name) = value")
      text.add("} else {")
      text.add("  \(name) = nil")
      text.add("}")
    case (_, false, false):
      text.add("\(name) = \(flag) ? \(read) : nil")
    }
  }

  private func writeRepeatedRead(
    _ swift: SwiftField,
    _ source: String,
    _ count: String,
    _ text: inout SourceText
  ) {
    let read: String
    switch swift.field.kind {
    case .string: read = "Arena.strings(\(source), \(count))"
    case .message: read = "Arena.messages(\(source), \(count), \(swift.element).init(_:))"
    default: read = "Arena.values(\(source), \(count), { \(swift.read("$0")) })"
    }
    text.add("guard let values = \(read) else { return nil }")
    text.add("self.\(swift.name) = values")
  }

  func writeEncoding(
    _ message: ContractMessageType,
    _ fields: [SwiftField],
    _ text: inout SourceText
  ) throws(Failure) {
    let structure = Names.cType(message.fullName)
    try text.block("public func encode(appendingTo output: inout [UInt8]) {") { (text) in
      text.add("let arena = Arena.forWriting()")
      text.add("arena.pack(build(in: arena), to: &output)")
    }
    text.add()
    text.add("/// The message in protobuf-c's form; it lives as long as the arena.")
    try text.block("func build(in arena: borrowing Arena) -> UnsafeMutablePointer<\(structure)> {")
    {
      (text) in
      text.add("let message = arena.make(\(structure).self)")
      text.add("\(Names.cFunction(message.fullName))__init(message)")
      for field in fields { writeWrite(field, &text) }
      text.add("return message")
    }
  }

  private func writeWrite(_ swift: SwiftField, _ text: inout SourceText) {
    let name = "self.\(swift.name)"
    let plain = swift.cName.filter { $0 != "`" }
    let target = "message.pointee.\(swift.cName)"
    let flag = "message.pointee.has_\(plain) = 1"
    switch swift.presence {
    case .repeated:
      text.add("if !\(name).isEmpty {")
      text.add("  message.pointee.n_\(plain) = \(name).count")
      text.add("  \(target) = \(swift.writeRepeated(name))")
      text.add("}")
    case .required:
      if !swift.isPointer { text.add(flag) }
      text.add("\(target) = \(swift.write(name))")
    case .optional:
      text.add("if let value = \(name) {")
      if !swift.isPointer { text.add("  \(flag)") }
      text.add("  \(target) = \(swift.write("value"))")
      text.add("}")
    case .implicit:
      text.add("if \(swift.hasContent(name)) {")
      if !swift.isPointer { text.add("  \(flag)") }
      text.add("  \(target) = \(swift.write(name))")
      text.add("}")
    }
  }
}

extension SwiftField {
  /// Whether an implicit value is other than zero.
  func hasContent(_ value: String) -> String {
    switch field.kind {
    case .string, .bytes: "!\(value).isEmpty"
    case .bool: value
    default: "\(value) != \(zero)"
    }
  }

  /// Whether a value that is there may still be refused.
  var canBeBad: Bool {
    switch field.kind {
    case .string, .message, .enumeration: true
    default: false
    }
  }

  /// The Swift value of a C value; optional where it can be bad.
  func read(_ value: String) -> String {
    switch field.kind {
    case .string: "Arena.string(\(value))"
    case .bytes: "Arena.bytes(\(value))"
    case .bool: "\(value) != 0"
    case .message: "\(element)(\(value))"
    case .enumeration: "\(element)(rawValue: Int32(bitPattern: \(value).rawValue))"
    default: value
    }
  }

  /// The C value of a Swift value.
  func write(_ value: String) -> String {
    switch field.kind {
    case .string, .bytes: "arena.copy(\(value))"
    case .bool: "\(value) ? 1 : 0"
    case .message: "\(value).build(in: arena)"
    case .enumeration:
      "\(cEnumeration ?? "")(rawValue: UInt32(bitPattern: \(value).rawValue))"
    default: value
    }
  }

  /// The C array of a Swift array.
  func writeRepeated(_ values: String) -> String {
    switch field.kind {
    case .string: "arena.copy(\(values))"
    case .message: "arena.copyMessages(\(values)) { $0.build(in: arena) }"
    case .bytes, .bool, .enumeration: "arena.copy(\(values)) { \(write("$0")) }"
    default: "arena.copy(\(values)) { $0 }"
    }
  }
}
