extension OpenAPIWriter {
  /// The schemas of all messages and enums that bodies are made of, by name.
  func schemas(_ operations: [Operation]) -> JSONValue {
    var requests: Set<String> = []
    var responses: Set<String> = []
    for operation in operations {
      if !operation.request.bodyFields.isEmpty, operation.rest.requestBody == "json" {
        collect(operation.request.fullName, into: &requests)
      }
      if operation.rest.successStatus != 204, operation.rest.responseBody == "json" {
        collect(operation.response.fullName, into: &responses)
      }
      // Enums of path and query parameters.
      for field in operation.request.fields where field.options.place != .body {
        if case .enumeration(let name) = field.kind { requests.insert(name) }
      }
    }
    var members: [(String, JSONValue)] = []
    for name in requests.union(responses).sorted() {
      if let message = contracts.messages[name] {
        members.append((Self.schemaName(name), schema(message, isRequest: requests.contains(name))))
      } else if let enumeration = contracts.enumerations[name] {
        members.append((Self.schemaName(name), schema(enumeration)))
      }
    }
    members.append(("Error", Self.errorSchema))
    return .object(members)
  }

  private func collect(_ name: String, into names: inout Set<String>) {
    guard names.insert(name).inserted, let message = contracts.messages[name] else { return }
    for field in message.bodyFields {
      switch field.kind {
      case .message(let inner), .enumeration(let inner): collect(inner, into: &names)
      default: break
      }
    }
  }

  private func schema(_ message: ContractMessageType, isRequest: Bool) -> JSONValue {
    // Answers have every field, absent values as null; only fields that are never null may be missing.
    let required = message.bodyFields.filter { field in
      isRequest ? field.options.isRequired : !field.options.isNeverNull || field.options.isRequired
    }
    var members: [(String, JSONValue)] = [
      ("type", .string("object")), ("description", .string(message.comment)),
    ]
    if !required.isEmpty {
      members.append(("required", .array(required.map { .string($0.jsonName) })))
    }
    members.append(
      (
        "properties",
        .object(
          message.bodyFields.map { field in
            // In a request null and absent are the same.
            let isNullable =
              !field.options.isRequired
              && (isRequest || !field.isRepeated && !field.options.isNeverNull)
            return (
              field.jsonName,
              schema(field, isRequest: isRequest, isNullable: isNullable, isDescribed: true)
            )
          }
        )
      )
    )
    return .object(members)
  }

  private func schema(_ enumeration: ContractEnumeration) -> JSONValue {
    .object([
      ("type", .string("string")), ("description", .string(enumeration.comment)),
      ("enum", .array(enumeration.values.map { .string($0.wireName) })),
    ])
  }

  /// - Parameters:
  ///   - field: The field.
  ///   - isRequest: Whether all that is refused of a value is to be said; answers keep to it anyway.
  ///   - isNullable: Whether `null` stands for no value.
  ///   - isDescribed: Whether the field's comment is part of the schema.
  func schema(
    _ field: ContractField,
    isRequest: Bool,
    isNullable: Bool,
    isDescribed: Bool
  ) -> JSONValue {
    var members: [(String, JSONValue)]
    if field.isRepeated {
      members = [
        Self.type("array", isNullable),
        ("items", .object(value(field, isRequest: isRequest, isNullable: false))),
      ]
      if let count = field.options.itemsMin { members.append(("minItems", .integer(Int64(count)))) }
      if let count = field.options.itemsMax { members.append(("maxItems", .integer(Int64(count)))) }
    } else {
      members = value(field, isRequest: isRequest, isNullable: isNullable)
    }
    if isDescribed, !field.comment.isEmpty {
      members.append(("description", .string(field.comment)))
    }
    return .object(members)
  }

  private func value(
    _ field: ContractField,
    isRequest: Bool,
    isNullable: Bool
  ) -> [(String, JSONValue)] {
    func type(_ name: String) -> (String, JSONValue) { Self.type(name, isNullable) }
    let options = field.options
    switch field.kind {
    case .message(let name), .enumeration(let name):
      let reference = Self.reference(name)
      guard isNullable else { return [("$ref", .string(Self.path(of: name)))] }
      return [("anyOf", .array([reference, .object([("type", .string("null"))])]))]
    case .bool: return [type("boolean")]
    case .float, .double: return [type("number")]
    case .int64 where options.format == .dateTime:
      return [type("string"), ("format", .string("date-time"))]
    case .int32, .uint32, .int64, .uint64:
      let isLarge = field.kind == .int64 || field.kind == .uint64
      var members = [type("integer"), ("format", .string(isLarge ? "int64" : "int32"))]
      let range = isRequest ? field.kind.range : nil
      if let min = options.min ?? range?.lowerBound { members.append(("minimum", .integer(min))) }
      if let max = options.max ?? range?.upperBound { members.append(("maximum", .integer(max))) }
      return members
    case .bytes where options.format == .json: return [type("object")]
    case .bytes: return [type("string"), ("contentEncoding", .string("base64"))]
    case .string:
      var members = [type("string")]
      if options.format == .uuid { members.append(("format", .string("uuid"))) }
      if options.format == .email { members.append(("format", .string("email"))) }
      // An empty segment makes another path.
      let lengthMin = options.lengthMin ?? (options.place == .path ? 1 : nil)
      if let length = lengthMin { members.append(("minLength", .integer(Int64(length)))) }
      if let length = options.lengthMax { members.append(("maxLength", .integer(Int64(length)))) }
      if let pattern = options.pattern {
        members.append(("pattern", .string("^\(pattern)*$")))
      } else if isRequest, options.format == .plain {
        // U+0000 would end a string of C.
        members.append(("pattern", .string("^[^\\x00]*$")))
      }
      return members
    }
  }

  private static func type(_ name: String, _ isNullable: Bool) -> (String, JSONValue) {
    ("type", isNullable ? .array([.string(name), .string("null")]) : .string(name))
  }

  static func reference(_ name: String) -> JSONValue {
    .object([("$ref", .string(path(of: name)))])
  }

  private static func path(of name: String) -> String { "#/components/schemas/\(schemaName(name))" }

  /// `latchkey.keys.v1.ApiKey.Environment` -> `ApiKey.Environment`: what begins with a capital letter.
  private static func schemaName(_ fullName: String) -> String {
    fullName.split(separator: ".").drop { $0.first?.isUppercase == false }.joined(separator: ".")
  }
}

extension ContractField.Kind {
  /// What an integer of this kind can be.
  fileprivate var range: ClosedRange<Int64>? {
    switch self {
    case .int32: Int64(Int32.min)...Int64(Int32.max)
    case .uint32: 0...Int64(UInt32.max)
    case .int64: Int64.min...Int64.max
    case .uint64: 0...Int64.max
    default: nil
    }
  }
}
