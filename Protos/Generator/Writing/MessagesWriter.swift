/// Writes the Swift values of a file's messages and enums.
struct MessagesWriter {
  let contracts: Contracts
  let cModule: String
  /// Modules whose messages these ones use.
  let imports: [String]

  func write(_ file: ContractFile) throws(Failure) -> SourceText {
    var text = SourceText()
    text.addHeader(from: file.name)
    text.add("internal import \(cModule)")
    text.add("public import Faults")
    for module in imports { text.add("public import \(module)") }
    text.add("public import Protobuf")
    for message in file.messages {
      text.add()
      try write(message, &text)
    }
    for enumeration in file.enumerations {
      text.add()
      try write(enumeration, &text)
    }
    return text
  }

  private func write(_ message: ContractMessageType, _ text: inout SourceText) throws(Failure) {
    var fields: [SwiftField] = []
    for field in message.fields { fields.append(try SwiftField(field, contracts)) }
    let isSecret = fields.contains(where: \.field.options.isSecret)
    let conformances = "ContractMessage, Equatable" + (isSecret ? ", CustomReflectable" : "")
    let name = message.swiftName.split(separator: ".").last ?? ""
    text.document(message.comment)
    try text.block("public struct \(name): \(conformances) {") { (text) throws(Failure) in
      for field in fields {
        if !field.field.comment.isEmpty { text.document(field.field.comment) }
        text.add("public var \(field.name): \(field.type)")
      }
      if !fields.isEmpty { text.add() }
      try writeInitialiser(fields, &text)
      text.add()
      try writeSchema(message, fields, &text)
      text.add()
      try writeDecoding(message, fields, &text)
      text.add()
      try writeEncoding(message, fields, &text)
      if isSecret {
        text.add()
        try writeMirror(fields, &text)
      }
      for enumeration in message.enumerations {
        text.add()
        try write(enumeration, &text)
      }
      for nested in message.messages {
        text.add()
        try write(nested, &text)
      }
    }
  }

  private func writeInitialiser(
    _ fields: [SwiftField],
    _ text: inout SourceText
  ) throws(Failure) {
    guard !fields.isEmpty else { return text.add("public init() {}") }
    let arguments = fields.map { field in
      "\(field.name): \(field.type)" + (field.defaultValue.map { " = \($0)" } ?? "")
    }
    text.add("public init(")
    text.add(arguments.map { "  \($0)" }.joined(separator: ",\n"))
    try text.block(") {") { (text) in
      for field in fields { text.add("self.\(field.name) = \(field.name)") }
    }
  }

  /// Secrets are hidden from everything that prints a value: descriptions, debug descriptions and dumps
  /// of this message and of messages that contain it are all made from its mirror.
  private func writeMirror(_ fields: [SwiftField], _ text: inout SourceText) throws(Failure) {
    try text.block("public var customMirror: Mirror {") { (text) in
      text.add("Mirror(")
      text.add("  self,")
      text.add("  children: [")
      for field in fields {
        let label = field.name.filter { $0 != "`" }
        let value = field.field.options.isSecret ? "Redacted(\(field.name))" : "self.\(field.name)"
        text.add("    (\"\(label)\", \(value) as Any),")
      }
      text.add("  ], displayStyle: .struct)")
    }
  }

  private func write(
    _ enumeration: ContractEnumeration,
    _ text: inout SourceText
  ) throws(Failure) {
    let name = enumeration.swiftName.split(separator: ".").last ?? ""
    text.document(enumeration.comment)
    try text.block("public enum \(name): Int32, Sendable, CaseIterable {") { (text) in
      for value in enumeration.values {
        if !value.comment.isEmpty { text.document(value.comment) }
        text.add("case \(Names.swift(Names.lowerCamel(value.name))) = \(value.number)")
      }
      text.add()
      text.add("/// The numbers and their names in JSON.")
      text.add("public static let schema = EnumSchema(")
      let values = enumeration.values.map { "(\($0.number), \(quoted($0.wireName)))" }
      text.add("  \(quoted(enumeration.fullName)), [\(values.joined(separator: ", "))])")
    }
  }
}

/// A string literal of Swift.
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case _ where scalar.value < 0x20: result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
