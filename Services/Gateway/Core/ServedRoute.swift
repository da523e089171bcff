internal import Protobuf
internal import RPC
internal import Stubs
internal import Transcoding

/// One route of the contract with all that serving it needs, worked out at the start.
final class ServedRoute: Sendable {
  /// The contract's route.
  let route: Route
  /// How its call is made.
  let method: MethodDescriptor
  /// How requests become messages.
  let request: RequestPlan
  /// How messages become answers.
  let response: ResponsePlan
  /// The request's fields that the path fills, in the template's order.
  let pathFields: [Int]
  /// The number of the field that has the bytes of a raw body; 0 where no body is raw.
  let rawField: UInt32
  /// What is counted of its requests.
  let counts = RequestCounts()

  /// Whether a call may change what API keys may do, sessions, or what answers are signed with.
  ///
  /// What is known of them is forgotten after it, so that a key revoked here works no longer from here on.
  var changesCredentials: Bool {
    route.verb != .get
      && (route.service == KeysMethods.serviceName || route.service == UsersMethods.serviceName)
  }

  /// Whether an answer may give or take the cookie of a session.
  var changesCookie: Bool { route.authentication == .login || route.authentication == .dashboard }

  /// Works out what a route needs.
  init(_ route: Route) {
    self.route = route
    method = MethodDescriptor(
      path: route.rpc,
      kind: route.requestBody == .raw
        ? .clientStreaming : route.responseBody == .raw ? .serverStreaming : .unary,
      isIdempotent: route.isIdempotent,
      isTrunked: route.isTrunked,
      scope: route.scope,
      defaultTimeout: route.timeout ?? Gateway.callTimeout
    )
    let raw =
      route.requestBody == .raw
      ? route.request.fields.first { $0.contract.place == .body }
      : route.responseBody == .raw ? route.response.fields.first : nil
    rawField = raw?.number ?? 0
    request = RequestPlan(route.request)
    response = ResponsePlan(route.response)
    pathFields = route.segments.compactMap { segment in
      if case .field(let position, _) = segment { position } else { nil }
    }
  }
}

extension Router<ServedRoute> {
  /// A router of all these routes.
  init(_ routes: [ServedRoute]) {
    self.init()
    for served in routes {
      let route = served.route
      add(method: route.verb.rawValue, template: route.template, target: served)
    }
  }
}
