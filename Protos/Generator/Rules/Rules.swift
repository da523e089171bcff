/// The rules that contracts keep, beyond those of the language; each complaint names the declaration.
struct Rules {
  let contracts: Contracts
  private(set) var complaints: [String] = []

  init(_ contracts: Contracts) {
    self.contracts = contracts
  }

  /// Checks the named files and completes what follows from options elsewhere: fields named in a path
  /// template are PATH fields.
  mutating func check(files: [ContractFile]) throws(Failure) {
    for file in files {
      for service in file.services { check(service) }
    }
    for file in files {
      for message in file.messages { check(message, file) }
      for enumeration in file.enumerations { check(enumeration, file) }
    }
    checkUniqueNames(files)
    checkRoutes(files)
    if !complaints.isEmpty { throw Failure(complaints.joined(separator: "\n")) }
  }

  mutating func complain(_ place: String, _ complaint: String) {
    complaints.append("\(place): \(complaint)")
  }

  private mutating func check(_ message: ContractMessageType, _ file: ContractFile) {
    if message.comment.isEmpty { complain(message.fullName, "a message needs a comment") }
    if contains(message, message.fullName, visited: []) {
      complain(message.fullName, "a message must not contain itself: protobuf-c recurses")
    }
    for field in message.fields { check(field, of: message) }
    for nested in message.messages { check(nested, file) }
    for nested in message.enumerations { check(nested, file) }
  }

  private func contains(
    _ message: ContractMessageType,
    _ fullName: String,
    visited: Set<String>
  ) -> Bool {
    for field in message.fields {
      guard case .message(let name) = field.kind else { continue }
      if name == fullName { return true }
      guard !visited.contains(name), let inner = contracts.messages[name] else { continue }
      if contains(inner, fullName, visited: visited.union([name])) { return true }
    }
    return false
  }

  private mutating func check(_ enumeration: ContractEnumeration, _ file: ContractFile) {
    if enumeration.comment.isEmpty { complain(enumeration.fullName, "an enum needs a comment") }
    if enumeration.values.contains(where: { $0.number < 0 }) {
      complain(enumeration.fullName, "values must not be negative")
    }
    let names = enumeration.values.map { Names.lowerCamel($0.name) }
    if Set(names).count != names.count
      || Set(enumeration.values.map(\.wireName)).count != names.count
      || Set(enumeration.values.map(\.number)).count != names.count
    {
      complain(enumeration.fullName, "names and numbers of values must differ from each other")
    }
    if file.hasImplicitPresence, enumeration.values.first?.number != 0 {
      complain(enumeration.fullName, "with implicit presence the first value must be 0")
    }
  }

  private mutating func checkUniqueNames(_ files: [ContractFile]) {
    var seen: [String: String] = [:]
    for file in files {
      let declared =
        file.messages.map { ($0.swiftName, $0.fullName) }
        + file.enumerations.map { ($0.swiftName, $0.fullName) }
        + file.services.flatMap { service in
          ["Service", "Client", "Methods"].map { (service.swiftName + $0, service.fullName) }
        }
      for (name, fullName) in declared {
        if let other = seen.updateValue(fullName, forKey: name) {
          complain(fullName, "has the Swift name of \(other); nest it, or use swift_prefix")
        }
      }
    }
  }
}
