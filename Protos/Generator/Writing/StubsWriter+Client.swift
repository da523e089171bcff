extension StubsWriter {
  func writeClient(_ service: ContractService, _ text: inout SourceText) throws(Failure) {
    text.document("Calls `\(service.fullName)`.")
    text.add("@EventLoop")
    try text.block("public struct \(service.swiftName)Client {") { (text) throws(Failure) in
      text.document("The connections that calls go over.")
      text.add("public let channel: Channel")
      text.add()
      text.document("Makes a client.")
      text.add("public init(_ channel: Channel) { self.channel = channel }")
      for method in service.methods {
        text.add()
        try writeCall(method, service, &text)
      }
    }
  }

  private func writeCall(
    _ method: ContractMethod,
    _ service: ContractService,
    _ text: inout SourceText
  ) throws(Failure) {
    let (request, response) = try messages(of: method)
    let descriptor = "\(service.swiftName)Methods.\(method.swiftName)"
    text.document(method.comment)
    if method.isRequestStreamed {
      text.add("public func \(method.swiftName)(")
      text.add("  _ options: CallOptions = CallOptions()")
      try text.block(") async throws(Fault) -> ClientCall<\(request), \(response)> {") { (text) in
        text.add("try await channel.stream(\(descriptor), options)")
      }
      return
    }
    let result = method.isResponseStreamed ? "ClientCall<\(request), \(response)>" : response
    text.add("public func \(method.swiftName)(")
    text.add("  _ request: \(request), _ options: CallOptions = CallOptions()")
    try text.block(") async throws(Fault) -> \(result) {") { (text) in
      guard method.isResponseStreamed else {
        return text.add("try await channel.unary(\(descriptor), request, options)")
      }
      text.add("let call: \(result) = try await channel.stream(\(descriptor), options)")
      text.add("try await call.send(request)")
      text.add("call.finishSending()")
      text.add("return call")
    }
  }
}
