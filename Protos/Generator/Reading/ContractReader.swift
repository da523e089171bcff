import CDescriptors
import CProtobufC

/// Makes contracts of descriptors.
struct ContractReader {
  private(set) var contracts = Contracts()

  /// Reads one file; strips it, since what is stripped is part of the result.
  mutating func read(_ file: UnsafeMutablePointer<DescriptorSet.File>) throws(Failure) {
    let name = text(file.pointee.name)
    let reading = FileReading(file)
    guard text(file.pointee.syntax) == "" || text(file.pointee.syntax) == "proto2" else {
      throw Failure("\(name): syntax must be proto2, which tells absent from zero")
    }
    guard file.pointee.n_extension == 0, file.pointee.n_public_dependency == 0 else {
      throw Failure("\(name): extensions and public imports are not supported")
    }
    var messages: [ContractMessageType] = []
    var enumerations: [ContractEnumeration] = []
    var services: [ContractService] = []
    for (index, message) in pointers(file.pointee.message_type, file.pointee.n_message_type)
      .enumerated()
    {
      messages.append(
        try reading.message(message, in: reading.outermost, path: [4, Int32(index)])
      )
    }
    for (index, item) in pointers(file.pointee.enum_type, file.pointee.n_enum_type).enumerated() {
      enumerations.append(
        try reading.enumeration(item, in: reading.outermost, path: [5, Int32(index)])
      )
    }
    for (index, item) in pointers(file.pointee.service, file.pointee.n_service).enumerated() {
      services.append(try reading.service(item, path: [6, Int32(index)]))
    }
    DescriptorSet.strip(file)
    add(messages, enumerations)
    contracts.files.append(
      ContractFile(
        name: name,
        package: reading.package,
        imports: texts(file.pointee.dependency, file.pointee.n_dependency),
        hasImplicitPresence: reading.hasImplicitPresence,
        swiftPrefix: reading.swiftPrefix,
        messages: messages,
        enumerations: enumerations,
        services: services,
        descriptor: pack(UnsafePointer(file))
      )
    )
  }

  private mutating func add(
    _ messages: [ContractMessageType],
    _ enumerations: [ContractEnumeration]
  ) {
    for enumeration in enumerations {
      contracts.enumerations[enumeration.fullName] = enumeration
    }
    for message in messages {
      contracts.messages[message.fullName] = message
      add(message.messages, message.enumerations)
    }
  }
}

/// What is known of a file while its parts are read.
struct FileReading {
  /// Where a declaration stands: the names around it, in the contract and in Swift.
  struct Scope {
    var fullName: String
    var swiftPrefix: String
  }

  let name: String
  let package: String
  let hasImplicitPresence: Bool
  let swiftPrefix: String
  let comments: Comments

  init(_ file: UnsafePointer<DescriptorSet.File>) {
    name = text(file.pointee.name)
    package = text(file.pointee.package)
    let extensions = Extensions(base(file.pointee.options))
    hasImplicitPresence = extensions.bool(OptionNumber.fileImplicitPresence) ?? false
    swiftPrefix = extensions.strings(OptionNumber.fileSwiftPrefix).last ?? ""
    comments = Comments(file)
  }

  var outermost: Scope { Scope(fullName: package, swiftPrefix: swiftPrefix) }

  func message(
    _ message: UnsafeMutablePointer<Google__Protobuf__DescriptorProto>,
    in scope: Scope,
    path: [Int32]
  ) throws(Failure) -> ContractMessageType {
    let fullName = "\(scope.fullName).\(text(message.pointee.name))"
    let swiftName = scope.swiftPrefix + text(message.pointee.name)
    let inner = Scope(fullName: fullName, swiftPrefix: swiftName + ".")
    guard message.pointee.n_oneof_decl == 0, message.pointee.n_extension == 0,
      message.pointee.n_extension_range == 0
    else { throw Failure("\(fullName): oneofs and extensions are not supported") }
    var fields: [ContractField] = []
    var messages: [ContractMessageType] = []
    var enumerations: [ContractEnumeration] = []
    for (index, item) in pointers(message.pointee.field, message.pointee.n_field).enumerated() {
      fields.append(try field(item, of: fullName, path: path + [2, Int32(index)]))
    }
    for (index, item) in pointers(message.pointee.nested_type, message.pointee.n_nested_type)
      .enumerated()
    {
      messages.append(try self.message(item, in: inner, path: path + [3, Int32(index)]))
    }
    for (index, item) in pointers(message.pointee.enum_type, message.pointee.n_enum_type)
      .enumerated()
    {
      enumerations.append(try enumeration(item, in: inner, path: path + [4, Int32(index)]))
    }
    return ContractMessageType(
      fullName: fullName,
      swiftName: swiftName,
      file: name,
      comment: comments[path],
      fields: fields.sorted { $0.number < $1.number },
      messages: messages,
      enumerations: enumerations
    )
  }

  func enumeration(
    _ enumeration: UnsafeMutablePointer<Google__Protobuf__EnumDescriptorProto>,
    in scope: Scope,
    path: [Int32]
  ) throws(Failure) -> ContractEnumeration {
    let shortName = text(enumeration.pointee.name)
    let items = pointers(enumeration.pointee.value, enumeration.pointee.n_value)
    let prefix = Names.valuePrefix(shortName)
    let isPrefixed = items.allSatisfy { text($0.pointee.name).hasPrefix(prefix) }
    var values: [ContractEnumeration.Value] = []
    for (index, item) in items.enumerated() {
      let name = String(text(item.pointee.name).dropFirst(isPrefixed ? prefix.count : 0))
      let wire = Extensions(base(item.pointee.options)).strings(OptionNumber.enumValueWire).last
      values.append(
        ContractEnumeration.Value(
          name: name,
          number: item.pointee.number,
          wireName: wire ?? name,
          comment: comments[path + [2, Int32(index)]]
        )
      )
    }
    return ContractEnumeration(
      fullName: "\(scope.fullName).\(shortName)",
      swiftName: scope.swiftPrefix + shortName,
      file: name,
      comment: comments[path],
      values: values
    )
  }
}

/// An options message as what all messages are.
func base<Options>(_ options: UnsafeMutablePointer<Options>?) -> UnsafePointer<ProtobufCMessage>? {
  options.map { UnsafeRawPointer($0).assumingMemoryBound(to: ProtobufCMessage.self) }
}
