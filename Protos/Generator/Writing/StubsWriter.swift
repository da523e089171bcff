/// Writes, for each service of a file: the descriptors of its methods, the protocol that a server implements,
/// and the client.
struct StubsWriter {
  let contracts: Contracts
  /// The module of the messages.
  let module: String
  /// Modules whose messages these ones use.
  let imports: [String]

  func write(_ file: ContractFile) throws(Failure) -> SourceText {
    var text = SourceText()
    text.addHeader(from: file.name)
    text.add("public import EventLoop")
    text.add("public import Faults")
    for module in ([module] + imports).sorted() { text.add("public import \(module)") }
    text.add("internal import Protobuf")
    text.add("public import RPC")
    for service in file.services {
      text.add()
      try writeDescriptors(service, &text)
      text.add()
      try writeProtocol(service, &text)
      text.add()
      try writeRegistration(service, file, &text)
      text.add()
      try writeClient(service, &text)
    }
    return text
  }

  private func writeDescriptors(
    _ service: ContractService,
    _ text: inout SourceText
  ) throws(Failure) {
    text.document("What is known of the methods of `\(service.fullName)`.")
    try text.block("public enum \(service.swiftName)Methods {") { (text) in
      text.document("The full name of the service.")
      text.add("public static let serviceName = \(quoted(service.fullName))")
      for method in service.methods {
        var arguments = ["path: \(quoted("/\(service.fullName)/\(method.name)"))"]
        arguments.append("kind: .\(method.kind)")
        if method.isIdempotent { arguments.append("isIdempotent: true") }
        if method.isTrunked { arguments.append("isTrunked: true") }
        if let scope = method.scope {
          arguments.append("scope: \(quoted(scope))")
          if method.rest?.admitsLicenseKeys == true { arguments.append("admitsLicenseKeys: true") }
          if method.rest?.admitsAnonymous == true { arguments.append("admitsAnonymous: true") }
        }
        if method.rest?.isForUsers == true { arguments.append("isForUsers: true") }
        if let timeout = method.timeoutMilliseconds {
          arguments.append("defaultTimeout: .milliseconds(\(timeout))")
        }
        arguments.append("callers: [\(method.callers.map(quoted).joined(separator: ", "))]")
        text.document(method.comment)
        text.add("public static let \(method.swiftName) = MethodDescriptor(")
        text.add("  \(arguments.joined(separator: ", ")))")
      }
    }
  }

  private func writeProtocol(
    _ service: ContractService,
    _ text: inout SourceText
  ) throws(Failure) {
    text.document(service.comment)
    text.document("\nA server implements this; requests that reach it keep their contract.")
    text.add("@EventLoop")
    try text.block("public protocol \(service.swiftName)Service: AnyObject {") {
      (text) throws(Failure) in
      for method in service.methods {
        let (request, response) = try messages(of: method)
        let arguments =
          switch method.kind {
          case .unary: "_ request: \(request), _ call: Call"
          case .serverStreaming:
            "_ request: \(request), _ responses: ResponseWriter<\(response)>, _ call: Call"
          case .clientStreaming: "_ requests: RequestReader<\(request)>, _ call: Call"
          case .bidirectional:
            "_ requests: RequestReader<\(request)>, _ responses: ResponseWriter<\(response)>, _ call: Call"
          }
        text.document(method.comment)
        if method.isTaskless {
          text.add("func \(method.swiftName)(")
          text.add("  \(arguments), _ reply: Reply<\(response)>")
          text.add(")")
          continue
        }
        text.add("func \(method.swiftName)(")
        text.add("  \(arguments)")
        text.add(") async throws(Fault)" + (method.isResponseStreamed ? "" : " -> \(response)"))
      }
    }
  }

  private func writeRegistration(
    _ service: ContractService,
    _ file: ContractFile,
    _ text: inout SourceText
  ) throws(Failure) {
    try text.block("extension \(service.swiftName)Service {") { (text) throws(Failure) in
      text.document(
        "The methods as an RPC server takes them. They hold the service, so it lives as long as its server."
      )
      try text.block("public var methods: [Method] {") { (text) throws(Failure) in
        text.add("[")
        for method in service.methods {
          let (request, response) = try messages(of: method)
          let descriptor = "\(service.swiftName)Methods.\(method.swiftName)"
          if method.isTaskless {
            text.add("  .taskless(\(descriptor)) {")
            text.add("    (request: \(request), call: Call, reply: Reply<\(response)>) in")
            text.add("    self.\(method.swiftName)(request, call, reply)")
            text.add("  },")
            continue
          }
          let first =
            method.isRequestStreamed
            ? "requests: RequestReader<\(request)>" : "request: \(request)"
          let second = method.isResponseStreamed ? ", responses: ResponseWriter<\(response)>" : ""
          let values =
            (method.isRequestStreamed ? "requests" : "request")
            + (method.isResponseStreamed ? ", responses" : "")
          let result = method.isResponseStreamed ? "" : " -> \(response)"
          text.add("  .\(method.kind)(\(descriptor)) {")
          text.add("    (\(first)\(second), call: Call) async throws(Fault)\(result) in")
          text.add("    try await self.\(method.swiftName)(\(values), call)")
          text.add("  },")
        }
        text.add("]")
      }
      text.add()
      text.document("Adds the service to a server, with its contract for reflection.")
      try text.block("public func register(on server: RPCServer) {") { (text) in
        text.add("server.register(")
        text.add("  \(service.swiftName)Methods.serviceName, methods,")
        text.add("  files: \(module)Files.all.closure(of: \(quoted(file.name))))")
      }
    }
  }

  func messages(of method: ContractMethod) throws(Failure) -> (request: String, response: String) {
    guard let request = contracts.messages[method.request],
      let response = contracts.messages[method.response]
    else { throw Failure("\(method.name): its messages are not among the files") }
    return (request.swiftName, response.swiftName)
  }
}

extension ContractMethod {
  /// Which sides stream; the raw value is the case's name in RPC's `MethodDescriptor.Kind`.
  enum Kind: String, CustomStringConvertible {
    case unary, clientStreaming, serverStreaming, bidirectional

    var description: String { rawValue }
  }

  var kind: Kind {
    switch (isRequestStreamed, isResponseStreamed) {
    case (false, false): .unary
    case (true, false): .clientStreaming
    case (false, true): .serverStreaming
    case (true, true): .bidirectional
    }
  }

  /// The name of the Swift method.
  var swiftName: String { Names.swift(Names.lowerFirst(name)) }
}
