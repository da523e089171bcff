import Messages
import Protobuf
import TestMessages
import Testing

@Suite struct FileDescriptorTests {
  @Test func `every file can be had with all that it needs`() throws {
    for file in MessagesFiles.all {
      let closure = MessagesFiles.all.closure(of: file.name)
      #expect(closure.first?.name == file.name)
      let names = Set(closure.map(\.name))
      #expect(closure.allSatisfy { names.isSuperset(of: $0.imports) })
    }
    #expect(MessagesFiles.all.closure(of: "absent.proto").isEmpty)
  }

  @Test func `a file tells its services, methods, messages and enums`() throws {
    let file = try #require(MessagesFiles.all.first { $0.name == "grpc/health/v1/health.proto" })
    #expect(
      Set(file.symbols) == [
        "grpc.health.v1.Health", "grpc.health.v1.Health.Check", "grpc.health.v1.Health.Watch",
        "grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckResponse",
        "grpc.health.v1.HealthCheckResponse.ServingStatus",
      ]
    )
  }

  /// What reflection serves must be readable by clients who have never heard of our options.
  @Test(arguments: MessagesFiles.all + TestMessagesFiles.all)
  func `descriptors are files of descriptor.proto without our options`(file: FileDescriptor) throws
  {
    let text = try Protoc.decode(
      file.bytes,
      as: "google.protobuf.FileDescriptorProto",
      in: "google/protobuf/descriptor.proto"
    )
    #expect(text.hasPrefix("name: \"\(file.name)\""))
    #expect(!text.contains("latchkey/options.proto"))
    #expect(!text.contains("5000"))
  }
}
