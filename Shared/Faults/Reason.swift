extension Fault {
  /// The stable names of refusals that REST callers see as `code`; they travel unchanged over RPC.
  public enum Reason: String, Sendable, CaseIterable {
    case validationError = "VALIDATION_ERROR"
    case unauthorized = "UNAUTHORIZED"
    case forbidden = "FORBIDDEN"
    case notFound = "NOT_FOUND"
    case methodNotAllowed = "METHOD_NOT_ALLOWED"
    case conflict = "CONFLICT"
    case licenseRevoked = "LICENSE_REVOKED"
    case licenseSuspended = "LICENSE_SUSPENDED"
    case licenseExpired = "LICENSE_EXPIRED"
    case licenseBanned = "LICENSE_BANNED"
    case payloadTooLarge = "PAYLOAD_TOO_LARGE"
    case unsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
    case machineLimitExceeded = "MACHINE_LIMIT_EXCEEDED"
    case floatingLimitExceeded = "FLOATING_LIMIT_EXCEEDED"
    case planLimitExceeded = "PLAN_LIMIT_EXCEEDED"
    case referenceNotFound = "REFERENCE_NOT_FOUND"
    case constraintViolation = "CONSTRAINT_VIOLATION"
    case businessRuleViolation = "BUSINESS_RULE_VIOLATION"
    case rateLimited = "RATE_LIMITED"
    case headersTooLarge = "HEADERS_TOO_LARGE"
    case internalError = "INTERNAL_ERROR"
    case serviceUnavailable = "SERVICE_UNAVAILABLE"
  }
}
