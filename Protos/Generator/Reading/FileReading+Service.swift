import CDescriptors

extension FileReading {
  func service(
    _ service: UnsafeMutablePointer<Google__Protobuf__ServiceDescriptorProto>,
    path: [Int32]
  ) throws(Failure) -> ContractService {
    let name = text(service.pointee.name)
    let callers = Extensions(base(service.pointee.options)).strings(OptionNumber.serviceCallers)
    var methods: [ContractMethod] = []
    for (index, item) in pointers(service.pointee.method, service.pointee.n_method).enumerated() {
      methods.append(try method(item, callers: callers, path: path + [2, Int32(index)]))
    }
    return ContractService(
      name: name,
      fullName: "\(package).\(name)",
      swiftName: swiftPrefix + name,
      comment: comments[path],
      methods: methods
    )
  }

  private func method(
    _ method: UnsafeMutablePointer<Google__Protobuf__MethodDescriptorProto>,
    callers: [String],
    path: [Int32]
  ) throws(Failure) -> ContractMethod {
    let extensions = Extensions(base(method.pointee.options))
    var result = ContractMethod(
      name: text(method.pointee.name),
      comment: comments[path],
      request: String(text(method.pointee.input_type).drop { $0 == "." }),
      response: String(text(method.pointee.output_type).drop { $0 == "." }),
      isRequestStreamed: method.pointee.client_streaming != 0,
      isResponseStreamed: method.pointee.server_streaming != 0,
      callers: callers,
      isIdempotent: false
    )
    _ = try extensions.message(
      OptionNumber.methodCall,
      latchkey__call__init
    ) { (call) throws(Failure) in
      result.isIdempotent = call.idempotent != 0
      result.isTaskless = call.taskless != 0
      result.isTrunked = call.trunked != 0
      if call.has_timeout_ms != 0 { result.timeoutMilliseconds = call.timeout_ms }
      if call.n_callers > 0 { result.callers = texts(call.callers, call.n_callers) }
      if let scope = call.scope { result.scope = String(cString: scope) }
    }
    result.rest = try extensions.message(
      OptionNumber.methodREST,
      latchkey__rest__init
    ) { (rest) throws(Failure) in
      if let scope = rest.scope { result.scope = String(cString: scope) }
      return try RestFace(rest)
    }
    return result
  }
}

extension RestFace {
  fileprivate init(_ rest: Latchkey__Rest) throws(Failure) {
    switch rest.face_case {
    case LATCHKEY__REST__FACE_GET: (verb, template) = ("get", text(rest.get))
    case LATCHKEY__REST__FACE_POST: (verb, template) = ("post", text(rest.post))
    case LATCHKEY__REST__FACE_PUT: (verb, template) = ("put", text(rest.put))
    case LATCHKEY__REST__FACE_PATCH: (verb, template) = ("patch", text(rest.patch))
    case LATCHKEY__REST__FACE_DELETE: (verb, template) = ("delete", text(rest.delete_))
    default: throw Failure("a REST face needs a verb with a path")
    }
    switch rest.auth {
    case LATCHKEY__REST__AUTHENTICATION__NONE: authentication = "none"
    case LATCHKEY__REST__AUTHENTICATION__API_KEY: authentication = "apiKey"
    case LATCHKEY__REST__AUTHENTICATION__LICENSE_KEY: authentication = "licenseKey"
    case LATCHKEY__REST__AUTHENTICATION__API_KEY_OR_LICENSE_KEY:
      authentication = "apiKeyOrLicenseKey"
    case LATCHKEY__REST__AUTHENTICATION__DASHBOARD: authentication = "dashboard"
    case LATCHKEY__REST__AUTHENTICATION__OPTIONAL_API_KEY: authentication = "optionalAPIKey"
    case LATCHKEY__REST__AUTHENTICATION__LOGIN: authentication = "login"
    default: throw Failure("an authentication that this generator does not know")
    }
    switch rest.limit {
    case LATCHKEY__REST__LIMIT__VALIDATION: limit = "validation"
    case LATCHKEY__REST__LIMIT__ACTIVATION: limit = "activation"
    case LATCHKEY__REST__LIMIT__MANAGEMENT: limit = "management"
    case LATCHKEY__REST__LIMIT__PUBLIC: limit = "publicPages"
    default: throw Failure("a limit that this generator does not know")
    }
    successStatus = Int(rest.success)
    isSigned = rest.signed_ != 0
    isEnveloped = rest.envelope == LATCHKEY__REST__ENVELOPE__DATA
    requestBody = rest.request_body == LATCHKEY__REST__BODY__RAW ? "raw" : "json"
    responseBody = rest.response_body == LATCHKEY__REST__BODY__RAW ? "raw" : "json"
    if let name = rest.limited_by { limitedBy = String(cString: name) }
    if let type = rest.media_type { mediaType = String(cString: type) }
    if rest.has_cache_seconds != 0 { cacheSeconds = rest.cache_seconds }
  }
}
