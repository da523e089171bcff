internal import Faults

/// The one map from faults to what REST callers see; `RPC` has the one to gRPC.
///
/// Source: the API contract, section 4.2.
extension Fault {
  /// The reason a caller is given: the fault's own, else the one its code stands for.
  var publicReason: Reason { reason ?? Self.reason(for: code) }

  /// The HTTP status of the answer.
  var httpStatus: Int { publicReason.httpStatus }

  /// The sentence a caller is given.
  ///
  /// Errors of our own, and those nobody explained, say nothing.
  var publicMessage: String {
    switch publicReason {
    case .internalError: "Internal error"
    default:
      switch code {
      case .internalError, .unknown, .dataLoss: "Internal error"
      case .deadlineExceeded: "The service took too long to answer"
      case .unavailable where reason == nil: "The service is not available at the moment"
      default: message
      }
    }
  }

  private static func reason(for code: Code) -> Reason {
    switch code {
    case .invalidArgument, .outOfRange: .validationError
    case .unauthenticated: .unauthorized
    case .permissionDenied: .forbidden
    case .notFound: .notFound
    case .alreadyExists, .aborted: .conflict
    case .failedPrecondition: .businessRuleViolation
    // Without a reason this is a queue or a pool that is full, not a caller who asked too often.
    case .resourceExhausted: .serviceUnavailable
    // The caller has not cancelled, or nobody would read this answer: a service is stopping.
    case .cancelled, .deadlineExceeded, .unavailable: .serviceUnavailable
    // A service that lacks one of its methods is of another release than this gateway.
    case .unimplemented, .unknown, .internalError, .dataLoss: .internalError
    }
  }
}

extension Fault.Reason {
  /// The HTTP status that goes with this reason.
  var httpStatus: Int {
    switch self {
    case .validationError: 400
    case .unauthorized: 401
    case .forbidden: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .conflict, .licenseRevoked, .licenseSuspended, .licenseExpired, .licenseBanned: 409
    case .payloadTooLarge: 413
    case .unsupportedMediaType: 415
    case .machineLimitExceeded, .floatingLimitExceeded, .planLimitExceeded, .referenceNotFound,
      .constraintViolation, .businessRuleViolation:
      422
    case .rateLimited: 429
    case .headersTooLarge: 431
    case .internalError: 500
    case .serviceUnavailable: 503
    }
  }
}
