/// A field as the generated Swift code has it.
struct SwiftField {
  /// Whether and how a property may be without a value.
  enum Presence {
    case required
    /// nil is absent.
    case optional
    /// Zero is absent, as in proto3.
    case implicit
    /// Empty is absent.
    case repeated
  }

  let field: ContractField
  /// The property's name, in backticks where needed.
  let name: String
  /// The field of the C structure.
  let cName: String
  /// The type of one value.
  let element: String
  let presence: Presence
  /// The enum's type in C.
  let cEnumeration: String?
  /// What an absent implicit value reads as.
  let zero: String

  init(_ field: ContractField, _ contracts: Contracts) throws(Failure) {
    self.field = field
    name = Names.swift(Names.lowerCamel(field.name))
    cName = Names.swift(Names.cField(field.name))
    presence =
      field.isRepeated
      ? .repeated : field.options.isRequired ? .required : field.isImplicit ? .implicit : .optional
    var cEnumeration: String?
    switch field.kind {
    case .int32: (element, zero) = ("Int32", "0")
    case .int64: (element, zero) = ("Int64", "0")
    case .uint32: (element, zero) = ("UInt32", "0")
    case .uint64: (element, zero) = ("UInt64", "0")
    case .float: (element, zero) = ("Float", "0")
    case .double: (element, zero) = ("Double", "0")
    case .bool: (element, zero) = ("Bool", "false")
    case .string: (element, zero) = ("String", "\"\"")
    case .bytes: (element, zero) = ("[UInt8]", "[]")
    case .message(let name):
      guard let message = contracts.messages[name] else { throw Failure("\(name) is unknown") }
      (element, zero) = (message.swiftName, "")
    case .enumeration(let name):
      guard let enumeration = contracts.enumerations[name] else {
        throw Failure("\(name) is unknown")
      }
      element = enumeration.swiftName
      zero = ".\(Names.swift(Names.lowerCamel(enumeration.values.first?.name ?? "")))"
      cEnumeration = Names.cType(name)
    }
    self.cEnumeration = cEnumeration
  }

  /// The property's type.
  var type: String {
    switch presence {
    case .required, .implicit: element
    case .optional: "\(element)?"
    case .repeated: "[\(element)]"
    }
  }

  /// What the initialiser's argument is when left out; nil when it may not be.
  var defaultValue: String? {
    switch presence {
    case .required: nil
    case .optional: "nil"
    case .implicit: zero
    case .repeated: "[]"
    }
  }

  /// Whether presence is a pointer that is not null, rather than a flag beside the value.
  var isPointer: Bool {
    switch field.kind {
    case .string, .message: true
    default: false
    }
  }
}
