internal import CProtobufC
internal import Faults
internal import Primitives
internal import Protobuf

/// Fills the C structure of one request; problems are gathered, not thrown.
struct RequestReader: ~Copyable {
  /// What is wrong so far, and where the reader is.
  var issues = IssueList()
  let arena = Arena.forWriting()

  /// An empty message of the plan's type.
  mutating func makeMessage(_ plan: RequestPlan) -> UnsafeMutablePointer<ProtobufCMessage> {
    let descriptor = plan.schema.descriptor
    let memory = allocate(bytes: descriptor.pointee.sizeof_message)
    let message = memory.bindMemory(to: ProtobufCMessage.self, capacity: 1)
    descriptor.pointee.message_init(message)
    return message
  }

  /// Reads an object's members into the fields they name; other members are ignored.
  mutating func readMembers(
    of object: JSONValue,
    into message: UnsafeMutablePointer<ProtobufCMessage>,
    _ plan: RequestPlan
  ) {
    var present: [Int] = []
    for position in plan.bodyFields {
      let field = plan.fields[position]
      guard let value = object.member(named: field.name) else { continue }
      if plan.presentNames != nil { present.append(position) }
      // Null and absent are the same, except to who looks at the names that are present.
      guard value.kind != .null else { continue }
      issues.path.append(field.schema.jsonName)
      if field.schema.isRepeated {
        readItems(of: value, into: UnsafeMutableRawPointer(message), field)
      } else if read(value, to: UnsafeMutableRawPointer(message) + field.schema.offset, field) {
        markPresent(field.schema, in: message)
      }
      issues.path.removeLast()
    }
    if let target = plan.presentNames {
      set(names: present.map { plan.fields[$0].name }, in: message, plan.fields[target].schema)
    }
  }

  private mutating func readItems(
    of array: JSONValue,
    into message: UnsafeMutableRawPointer,
    _ field: RequestPlan.Field
  ) {
    guard array.kind == .array else { return refuse("array", array) }
    let count = array.count
    guard count > 0 else { return }
    let items = allocate(bytes: count * field.schema.stride)
    for index in 0..<count {
      guard let value = array.element(index) else { break }
      issues.path.append(String(index))
      _ = read(value, to: items + index * field.schema.stride, field)
      issues.path.removeLast()
    }
    message.storeBytes(
      of: items,
      toByteOffset: field.schema.offset,
      as: UnsafeMutableRawPointer.self
    )
    message.storeBytes(of: count, toByteOffset: field.schema.quantifierOffset, as: Int.self)
  }

  /// Reads one value to its place; whether that worked.
  private mutating func read(
    _ value: JSONValue,
    to place: UnsafeMutableRawPointer,
    _ field: RequestPlan.Field
  ) -> Bool {
    switch field.schema.type {
    case PROTOBUF_C_TYPE_STRING:
      guard value.kind == .string else {
        refuse("string", value)
        return false
      }
      return read(text: value.utf8, to: place, field)
    case PROTOBUF_C_TYPE_BOOL:
      guard value.kind == .boolean else {
        refuse("boolean", value)
        return false
      }
      place.storeBytes(of: value.isTrue ? 1 : 0, as: protobuf_c_boolean.self)
      return true
    case PROTOBUF_C_TYPE_ENUM:
      guard value.kind == .string else {
        refuse("string", value)
        return false
      }
      return read(text: value.utf8, to: place, field)
    case PROTOBUF_C_TYPE_MESSAGE:
      guard value.kind == .object, let plan = field.message else {
        refuse("object", value)
        return false
      }
      let message = makeMessage(plan)
      readMembers(of: value, into: message, plan)
      place.storeBytes(of: UnsafeMutableRawPointer(message), as: UnsafeMutableRawPointer.self)
      return true
    case PROTOBUF_C_TYPE_BYTES:
      return readBytes(value, to: place, field)
    case PROTOBUF_C_TYPE_DOUBLE, PROTOBUF_C_TYPE_FLOAT:
      guard value.kind == .integer || value.kind == .float else {
        refuse("number", value)
        return false
      }
      return store(value.number, to: place, field.schema)
    default:
      if field.schema.contract.format == .dateTime {
        guard value.kind == .string else {
          refuse("string", value)
          return false
        }
        return read(text: value.utf8, to: place, field)
      }
      guard value.kind == .integer else {
        refuse(value.kind == .float ? "integer" : "number", value)
        return false
      }
      return store(value.integer, to: place, field.schema)
    }
  }

  private mutating func readBytes(
    _ value: JSONValue,
    to place: UnsafeMutableRawPointer,
    _ field: RequestPlan.Field
  ) -> Bool {
    guard field.schema.contract.format == .json else {
      guard value.kind == .string else {
        refuse("string", value)
        return false
      }
      return read(text: value.utf8, to: place, field)
    }
    return storeObject(value, to: place)
  }

  /// Stores an object as compact JSON text.
  mutating func storeObject(_ value: JSONValue, to place: UnsafeMutableRawPointer) -> Bool {
    guard value.kind == .object else {
      refuse("object", value)
      return false
    }
    var text = JSONText(capacity: 256)
    text.value(value)
    guard text.bytes.count <= JSONLimits.rawBytesMax else {
      issues.add(.tooBig, "Must have at most \(JSONLimits.rawBytesMax) byte(s) of JSON")
      return false
    }
    text.bytes.withUnsafeBytes { store($0, to: place) }
    return true
  }

  private mutating func refuse(_ expected: String, _ value: JSONValue) {
    let issue = Self.wrongType(expected, value)
    issues.add(.invalidType, issue.message)
  }

  /// The issue for a value that is not of the type it should be.
  static func wrongType(_ expected: String, _ value: JSONValue) -> Fault.Issue {
    let received = value.kind == .integer ? "number" : value.kind.rawValue
    return Fault.Issue(
      path: [],
      message: "Expected \(expected), received \(received)",
      code: IssueList.Kind.invalidType.rawValue
    )
  }
}
