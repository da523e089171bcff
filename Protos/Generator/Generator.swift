import Glibc

/// Reads contracts and writes what is made of them.
@main
struct Generator {
  static func main() {
    do throws(Failure) {
      try run(Arguments(Array(CommandLine.arguments.dropFirst())))
    } catch {
      let text = "latchkey-protogen: \(error)\n"
      write(STDERR_FILENO, text, text.utf8.count)
      exit(1)
    }
  }

  private static func run(_ arguments: Arguments) throws(Failure) {
    let set = try DescriptorSet(readFile(arguments.descriptors))
    var reader = ContractReader()
    for file in set.contractFiles { try reader.read(file) }
    let contracts = reader.contracts
    var files: [ContractFile] = []
    for name in arguments.files {
      guard let file = contracts.files.first(where: { $0.name == name }) else {
        throw Failure("\(name) is not in the descriptor set")
      }
      files.append(file)
    }
    var rules = Rules(contracts)
    try rules.check(files: files)
    try writeAll(files, contracts, arguments)
    if let path = arguments.stripped {
      try writeFile(path, DescriptorSet.encodeWithoutServices(set.contractFiles))
    }
  }

  private static func writeAll(
    _ files: [ContractFile],
    _ contracts: Contracts,
    _ arguments: Arguments
  ) throws(Failure) {
    let writer = FilesWriter(
      module: arguments.module,
      cModule: arguments.cModule,
      files: files
    )
    if let folder = arguments.c {
      try writeFile("\(folder)/include/\(arguments.cModule).h", writer.header().bytes)
      try writeFile("\(folder)/descriptors.c", writer.descriptors().bytes)
    }
    if let folder = arguments.messages {
      let messages = MessagesWriter(
        contracts: contracts,
        cModule: arguments.cModule,
        imports: arguments.imports
      )
      for file in files where !file.messages.isEmpty || !file.enumerations.isEmpty {
        let path = "\(folder)/\(Names.fileName(file.name)).swift"
        try writeFile(path, messages.write(file).bytes)
      }
      try writeFile("\(folder)/\(arguments.module)Files.swift", writer.list().bytes)
    }
    if let folder = arguments.stubs {
      let stubs = StubsWriter(
        contracts: contracts,
        module: arguments.module,
        imports: arguments.imports
      )
      for file in files where !file.services.isEmpty {
        let path = "\(folder)/\(Names.fileName(file.name)).swift"
        try writeFile(path, stubs.write(file).bytes)
      }
    }
    if let path = arguments.routes {
      try writeFile(
        path,
        RoutesWriter(contracts: contracts, module: arguments.module).write(files).bytes
      )
    }
    if let path = arguments.openAPI {
      try writeFile(path, OpenAPIWriter(contracts).write(files).bytes)
    }
  }
}
