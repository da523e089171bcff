import CDescriptors

extension FileReading {
  func field(
    _ field: UnsafeMutablePointer<Google__Protobuf__FieldDescriptorProto>,
    of message: String,
    path: [Int32]
  ) throws(Failure) -> ContractField {
    let name = text(field.pointee.name)
    let place = "\(message).\(name)"
    guard field.pointee.label != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED
    else { throw Failure("\(place): write `optional` and the option `required`") }
    guard field.pointee.default_value == nil else {
      throw Failure("\(place): native defaults are not supported, absent must stay absent")
    }
    let isRepeated =
      field.pointee.label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED
    let kind = try kind(of: field, place)
    let extensions = Extensions(base(field.pointee.options))
    let options = try extensions.message(
      OptionNumber.field,
      latchkey__field__init,
      FieldOptions.init
    )
    let isMessage = if case .message = kind { true } else { false }
    return ContractField(
      name: name,
      jsonName: text(field.pointee.json_name),
      number: field.pointee.number,
      kind: kind,
      isRepeated: isRepeated,
      isImplicit: hasImplicitPresence && !isRepeated && !isMessage,
      comment: comments[path],
      options: options ?? FieldOptions()
    )
  }

  private func kind(
    of field: UnsafeMutablePointer<Google__Protobuf__FieldDescriptorProto>,
    _ place: String
  ) throws(Failure) -> ContractField.Kind {
    let typeName = String(text(field.pointee.type_name).drop { $0 == "." })
    switch field.pointee.type {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED32:
      return .int32
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED64:
      return .int64
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED32:
      return .uint32
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED64:
      return .uint64
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT: return .float
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE: return .double
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL: return .bool
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING: return .string
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES: return .bytes
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE: return .message(typeName)
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM: return .enumeration(typeName)
    default: throw Failure("\(place): groups are not supported")
    }
  }
}

extension FieldOptions {
  fileprivate init(_ field: Latchkey__Field) throws(Failure) {
    isRequired = field.required != 0
    if field.has_min_length != 0 { lengthMin = Int(field.min_length) }
    if field.has_max_length != 0 { lengthMax = Int(field.max_length) }
    if let pattern = field.pattern { self.pattern = String(cString: pattern) }
    if field.has_min != 0 { min = field.min }
    if field.has_max != 0 { max = field.max }
    if field.has_min_items != 0 { itemsMin = Int(field.min_items) }
    if field.has_max_items != 0 { itemsMax = Int(field.max_items) }
    isNeverNull = field.never_null != 0
    isSecret = field.secret != 0
    switch field.format {
    case LATCHKEY__FIELD__FORMAT__PLAIN: format = .plain
    case LATCHKEY__FIELD__FORMAT__DATE_TIME: format = .dateTime
    case LATCHKEY__FIELD__FORMAT__UUID: format = .uuid
    case LATCHKEY__FIELD__FORMAT__EMAIL: format = .email
    case LATCHKEY__FIELD__FORMAT__JSON: format = .json
    default: throw Failure("a format that this generator does not know")
    }
    switch field.where {
    case LATCHKEY__FIELD__PLACE__BODY: place = .body
    case LATCHKEY__FIELD__PLACE__PATH: place = .path
    case LATCHKEY__FIELD__PLACE__QUERY: place = .query
    case LATCHKEY__FIELD__PLACE__PRESENT_NAMES: place = .presentNames
    default: throw Failure("a place that this generator does not know")
    }
  }
}
