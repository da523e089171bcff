extension Rules {
  mutating func check(_ service: ContractService) {
    if service.comment.isEmpty { complain(service.fullName, "a service needs a comment") }
    for method in service.methods {
      let place = "\(service.fullName).\(method.name)"
      if method.comment.isEmpty { complain(place, "a method needs a comment") }
      if method.callers.isEmpty {
        complain(place, "nobody may call it; name identities in `callers`")
      }
      if let rest = method.rest { check(rest, of: method, place) }
      if method.isTrunked, method.isRequestStreamed || method.isResponseStreamed {
        complain(place, "a method whose messages are streamed needs a stream: it cannot be trunked")
      }
    }
  }

  private mutating func check(_ rest: RestFace, of method: ContractMethod, _ place: String) {
    guard let request = contracts.messages[method.request],
      let response = contracts.messages[method.response]
    else { return complain(place, "its messages are not among the files") }
    checkBodies(rest, of: method, place)
    if !rest.template.hasPrefix("/") || rest.template.contains("//") || rest.template.hasSuffix("/")
    {
      complain(place, "a path begins with one slash and does not end with one")
    }
    if !(200...299).contains(rest.successStatus) { complain(place, "success is a status of 2xx") }
    if !rest.admitsUsers, method.scope != nil { complain(place, "a scope needs an API key") }
    if rest.authentication.hasPrefix("apiKey"), method.scope == nil {
      complain(place, "a method for API keys needs a scope")
    }
    for name in rest.parameters { markPath(name, of: request, place) }
    for field in request.fields where rest.verb == "get" && field.options.place == .body {
      complain(place, "GET has no body: \(field.name) must be QUERY or in the path")
    }
    if rest.requestBody == "raw" { checkRaw(request, bodyOnly: true, place) }
    if rest.responseBody == "raw" { checkRaw(response, bodyOnly: false, place) }
    if let name = rest.limitedBy { checkLimitedBy(name, of: request, rest, place) }
    if rest.cacheSeconds != nil,
      rest.verb != "get" || rest.authentication != "none" || rest.responseBody == "raw"
        || rest.isSigned
    {
      complain(place, "only a GET without a credential can be cached, if it is JSON and not signed")
    }
  }

  /// Bodies that are JSON are one message, raw ones a stream of them; a call streams one way.
  private mutating func checkBodies(_ rest: RestFace, of method: ContractMethod, _ place: String) {
    let isRequestRaw = rest.requestBody == "raw"
    let isResponseRaw = rest.responseBody == "raw"
    if isRequestRaw, isResponseRaw { complain(place, "only one of the two bodies can be RAW") }
    if isRequestRaw != method.isRequestStreamed || isResponseRaw != method.isResponseStreamed {
      complain(place, "a REST face streams what is RAW, and nothing else")
    }
    if isRequestRaw, ["get", "delete"].contains(rest.verb) {
      complain(place, "a raw request needs POST, PUT or PATCH")
    }
    if isResponseRaw, rest.successStatus != 200 {
      complain(place, "a raw answer has the status 200")
    }
    if isResponseRaw, rest.isSigned { complain(place, "a raw answer cannot be signed") }
    if (isRequestRaw || isResponseRaw) != (rest.mediaType != nil) {
      complain(place, "a RAW body needs media_type, and no other body has one")
    }
    if method.isTaskless, method.isRequestStreamed || method.isResponseStreamed {
      complain(place, "a method whose messages are streamed needs a task: it cannot be taskless")
    }
    if isRequestRaw || isResponseRaw, method.timeoutMilliseconds == nil {
      complain(place, "how long a raw body may take must be said: timeout_ms")
    }
    if let type = rest.mediaType, !isMediaType(type) {
      complain(place, "media_type is a type and a subtype in lower case, such as text/csv")
    }
  }

  private func isMediaType(_ type: String) -> Bool {
    let parts = type.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        !part.isEmpty
          && part.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || "+-.".contains($0)) }
      }
  }

  private mutating func checkLimitedBy(
    _ name: String,
    of message: ContractMessageType,
    _ rest: RestFace,
    _ place: String
  ) {
    let field = message.fields.first { $0.jsonName == name }
    guard let field, field.kind == .string, !field.isRepeated, field.options.place == .body,
      rest.requestBody == "json"
    else { return complain(place, "limited_by names one string of a JSON body: \(name) is none") }
  }

  /// A name in a path template makes the field a PATH field wherever the message is used.
  private mutating func markPath(_ name: String, of message: ContractMessageType, _ place: String) {
    guard let index = message.fields.firstIndex(where: { $0.jsonName == name }) else {
      return complain(place, "the request has no field with the JSON name \(name)")
    }
    let field = message.fields[index]
    if field.isRepeated || !(field.kind == .string || field.kind.isInteger) {
      complain(place, "\(name) in a path must be one string or integer")
    }
    if !field.options.isRequired { complain(place, "\(name) in a path must be required") }
    message.fields[index].options.place = .path
  }

  private mutating func checkRaw(
    _ message: ContractMessageType,
    bodyOnly: Bool,
    _ place: String
  ) {
    let fields = message.fields.filter { !bodyOnly || $0.options.place == .body }
    guard fields.count == 1, fields[0].kind == .bytes, !fields[0].isRepeated else {
      return complain(place, "a raw body needs exactly one `bytes` field in \(message.fullName)")
    }
    if bodyOnly, fields[0].options.isRequired {
      complain(place, "the first message of a raw body has no bytes yet: they cannot be required")
    }
  }

  mutating func checkRoutes(_ files: [ContractFile]) {
    var seen: [String: String] = [:]
    for service in files.flatMap(\.services) {
      for method in service.methods {
        guard let rest = method.rest else { continue }
        let place = "\(service.fullName).\(method.name)"
        let shape = rest.segments.map { $0.name == nil ? $0.text : "{}\($0.text)" }
        let key = "\(rest.verb) /\(shape.joined(separator: "/"))"
        if let other = seen.updateValue(place, forKey: key) {
          complain(place, "has the route of \(other)")
        }
        for name in rest.parameters {
          let field = contracts.messages[method.request]?.fields.first { $0.jsonName == name }
          if field?.options.place != .path { complain(place, "\(name) is not a PATH field") }
        }
        // A field that another method's template made a PATH field would get no value here.
        for field in contracts.messages[method.request]?.fields ?? []
        where field.options.place == .path && !rest.parameters.contains(field.jsonName) {
          complain(place, "\(field.jsonName) is a PATH field and not in this method's path")
        }
      }
    }
  }
}

extension RestFace {
  /// Whether an API key is one of the credentials.
  var admitsAPIKeys: Bool {
    authentication.hasPrefix("apiKey") || authentication == "optionalAPIKey"
  }

  /// Whether the session of a user is one of the credentials.
  var admitsUsers: Bool { admitsAPIKeys || isForUsers }

  /// Whether only the session of a user does.
  var isForUsers: Bool { authentication == "dashboard" }

  /// Whether a license key is one of the credentials.
  var admitsLicenseKeys: Bool {
    authentication == "licenseKey" || authentication == "apiKeyOrLicenseKey"
  }

  /// Whether a request may come without any credential.
  var admitsAnonymous: Bool {
    authentication == "none" || authentication == "login" || authentication == "optionalAPIKey"
  }

  /// The names in the path template.
  var parameters: [String] { segments.compactMap(\.name) }

  /// The parts of the path template between slashes: a text, or a name with the text behind it.
  var segments: [(name: String?, text: String)] {
    template.split(separator: "/").map { segment in
      guard segment.hasPrefix("{"), let end = segment.firstIndex(of: "}") else {
        return (nil, String(segment))
      }
      return (
        String(segment[segment.index(after: segment.startIndex)..<end]),
        String(segment[segment.index(after: end)...])
      )
    }
  }
}
