/// Writes the gateway's route table.
struct RoutesWriter {
  let contracts: Contracts
  /// The module of the messages.
  let module: String

  func write(_ files: [ContractFile]) throws(Failure) -> SourceText {
    let files = files.filter { file in
      file.services.contains { service in service.methods.contains { $0.rest != nil } }
    }
    var text = SourceText()
    text.addHeader(from: files.map(\.name).joined(separator: ", "))
    text.add("internal import \(module)")
    text.add("internal import Protobuf")
    text.add()
    text.document("The REST faces of the contracts.")
    try text.block("enum Routes {") { (text) throws(Failure) in
      text.document("One for every method that has a REST face.")
      text.add("static let all: [Route] = [")
      for service in files.flatMap(\.services) {
        for method in service.methods {
          guard let rest = method.rest else { continue }
          try write(rest, method, service, &text)
        }
      }
      text.add("]")
    }
    return text
  }

  private func write(
    _ rest: RestFace,
    _ method: ContractMethod,
    _ service: ContractService,
    _ text: inout SourceText
  ) throws(Failure) {
    guard let request = contracts.messages[method.request],
      let response = contracts.messages[method.response]
    else { throw Failure("\(method.name): its messages are not among the files") }
    let segments = rest.segments.map { name, text in
      guard let name else { return ".literal(\(quoted(text)))" }
      let index = request.fields.firstIndex { $0.jsonName == name } ?? 0
      return text.isEmpty ? ".field(\(index))" : ".field(\(index), suffix: \(quoted(text)))"
    }
    var arguments = ["authentication: .\(rest.authentication)"]
    if let scope = method.scope { arguments.append("scope: \(quoted(scope))") }
    arguments.append("limit: .\(rest.limit)")
    if let name = rest.limitedBy,
      let index = request.fields.firstIndex(where: { $0.jsonName == name })
    {
      arguments.append("limitedBy: \(index)")
    }
    if rest.successStatus != 200 { arguments.append("successStatus: \(rest.successStatus)") }
    if rest.isSigned { arguments.append("isSigned: true") }
    if !rest.isEnveloped { arguments.append("isEnveloped: false") }
    if rest.requestBody != "json" { arguments.append("requestBody: .\(rest.requestBody)") }
    if rest.responseBody != "json" { arguments.append("responseBody: .\(rest.responseBody)") }
    if let type = rest.mediaType { arguments.append("mediaType: \(quoted(type))") }
    if let seconds = rest.cacheSeconds { arguments.append("cacheSeconds: \(seconds)") }
    if method.isIdempotent { arguments.append("isIdempotent: true") }
    if method.isTrunked { arguments.append("isTrunked: true") }
    if let timeout = method.timeoutMilliseconds {
      arguments.append("timeout: .milliseconds(\(timeout))")
    }
    text.add("  Route(")
    text.add("    .\(rest.verb), \(quoted(rest.template)),")
    text.add("    [\(segments.joined(separator: ", "))],")
    text.add("    service: \(quoted(service.fullName)),")
    text.add("    rpc: \(quoted("/\(service.fullName)/\(method.name)")),")
    text.add("    request: \(request.swiftName).schema, response: \(response.swiftName).schema,")
    text.add("    \(arguments.joined(separator: ", "))),")
  }
}
