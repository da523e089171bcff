import Foundation
import Testing

@testable import latchkey_protogen

/// Generated files are committed; one that is stale would let contract and code drift apart unseen.
///
/// `Protos/generate --check` compares the C code too.
@Suite struct GeneratedFilesTests {
  @Test func `committed Swift and OpenAPI are what the contracts say`() throws {
    let (contracts, files) = try Contracts.read("Protos")
    let messages = MessagesWriter(contracts: contracts, cModule: "CMessages", imports: [])
    let stubs = StubsWriter(contracts: contracts, module: "Messages", imports: [])
    for file in files {
      let name = "\(Names.fileName(file.name)).swift"
      if !file.messages.isEmpty {
        try expect(messages.write(file), at: "Shared/Messages/\(name)")
      }
      if !file.services.isEmpty { try expect(stubs.write(file), at: "Shared/Stubs/\(name)") }
    }
    try expect(
      RoutesWriter(contracts: contracts, module: "Messages").write(files),
      at: "Services/Gateway/Core/Generated/Routes.swift"
    )
    try expect(OpenAPIWriter(contracts).write(files), at: "Protos/Generated/openapi.json")
  }

  @Test func `committed test messages and stubs are what the contracts say`() throws {
    let (contracts, files) = try Contracts.read("Tests/Protos")
    let messages = MessagesWriter(contracts: contracts, cModule: "CTestMessages", imports: [])
    let stubs = StubsWriter(contracts: contracts, module: "TestMessages", imports: [])
    for file in files {
      let name = "\(Names.fileName(file.name)).swift"
      try expect(messages.write(file), at: "Tests/Generated/TestMessages/\(name)")
      if !file.services.isEmpty {
        try expect(stubs.write(file), at: "Tests/Generated/TestStubs/\(name)")
      }
    }
    try expect(
      RoutesWriter(contracts: contracts, module: "TestMessages").write(files),
      at: "Tests/GatewayServiceTests/Generated/Routes.swift"
    )
  }

  private func expect(_ text: SourceText, at path: String) throws {
    let committed = try readFile(Protoc.root.appending(path: path).path)
    #expect(committed == text.bytes, "\(path) is stale: run make protos and commit")
  }
}

extension Contracts {
  /// Reads the contracts below a folder of the repository.
  static func read(_ folder: String) throws -> (Contracts, [ContractFile]) {
    let root = Protoc.root.appending(path: folder)
    let names = try #require(FileManager.default.enumerator(atPath: root.path))
      .compactMap { $0 as? String }
      .filter { $0.hasSuffix(".proto") && $0 != "latchkey/options.proto" }.sorted()
    let output = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: output) }
    _ = try Protoc.run(
      Protoc.includes + [
        "--include_imports", "--include_source_info", "--descriptor_set_out=\(output.path)",
      ] + names
    )
    let set = try DescriptorSet(readFile(output.path))
    var reader = ContractReader()
    for file in set.contractFiles { try reader.read(file) }
    let files = names.compactMap { name in reader.contracts.files.first { $0.name == name } }
    var rules = Rules(reader.contracts)
    try rules.check(files: files)
    return (reader.contracts, files)
  }
}
