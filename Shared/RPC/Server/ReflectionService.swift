internal import EventLoop
internal import Faults
internal import Messages
internal import Protobuf

/// Server reflection: tells which services there are and how their messages are made.
///
/// Both published versions are the same bytes under two names. Source: gRPC, `doc/server-reflection.md`.
@EventLoop
final class ReflectionService {
  static let names = (
    v1: "grpc.reflection.v1.ServerReflection", v1alpha: "grpc.reflection.v1alpha.ServerReflection"
  )

  private var services: [String] = []
  private var files: [String: FileDescriptor] = [:]
  /// The file that declares a full name.
  private var symbols: [String: String] = [:]

  nonisolated init() {}

  func add(service: String) { services.append(service) }

  func add(_ descriptors: [FileDescriptor]) {
    for descriptor in descriptors {
      files[descriptor.name] = descriptor
      for symbol in descriptor.symbols { symbols[symbol] = descriptor.name }
    }
  }

  /// The method under one of the two names.
  func methods(_ name: String) -> [Method] {
    [
      .bidirectional(
        MethodDescriptor(path: "/\(name)/ServerReflectionInfo", kind: .bidirectional)
      ) {
        [unowned self]
        (
          requests: RequestReader<ServerReflectionRequest>,
          responses: ResponseWriter<ServerReflectionResponse>,
          _
        ) async throws(Fault) in
        while let request = try await requests.next() { try await responses.write(answer(request)) }
      }
    ]
  }

  private func answer(_ request: ServerReflectionRequest) -> ServerReflectionResponse {
    var response = ServerReflectionResponse()
    response.validHost = request.host
    response.originalRequest = request
    if request.listServices != nil {
      response.listServicesResponse = ListServiceResponse(
        service: services.sorted().map { ServiceResponse(name: $0) }
      )
    } else if let name = request.fileByFilename {
      describe(files[name], "file \(name)", in: &response)
    } else if let symbol = request.fileContainingSymbol {
      describe(file(of: symbol), "symbol \(symbol)", in: &response)
    } else if let name = request.allExtensionNumbersOfType {
      if symbols[name] != nil {
        response.allExtensionNumbersResponse = ExtensionNumberResponse(baseTypeName: name)
      } else {
        describe(nil, "type \(name)", in: &response)
      }
    } else if let request = request.fileContainingExtension {
      describe(nil, "extension of \(request.containingType ?? "")", in: &response)
    } else {
      response.errorResponse = ErrorResponse(
        errorCode: Fault.Code.invalidArgument.rawValue,
        errorMessage: "The request asks for nothing"
      )
    }
    return response
  }

  /// The file that declares a symbol; a method is declared with its service.
  private func file(of symbol: String) -> FileDescriptor? {
    var name = Substring(symbol)
    while true {
      if let file = symbols[String(name)] { return files[file] }
      guard let dot = name.lastIndex(of: ".") else { return nil }
      name = name[..<dot]
    }
  }

  /// Answers with a file and all that it needs, the file itself first.
  private func describe(
    _ file: FileDescriptor?,
    _ what: String,
    in response: inout ServerReflectionResponse
  ) {
    guard let file else {
      response.errorResponse = ErrorResponse(
        errorCode: Fault.Code.notFound.rawValue,
        errorMessage: "The server does not know the \(what)"
      )
      return
    }
    var encoded: [[UInt8]] = []
    var seen: Set<String> = []
    var pending = [file.name]
    while let name = pending.popLast() {
      guard seen.insert(name).inserted, let file = files[name] else { continue }
      encoded.append(file.bytes)
      pending += file.imports
    }
    response.fileDescriptorResponse = FileDescriptorResponse(fileDescriptorProto: encoded)
  }
}
