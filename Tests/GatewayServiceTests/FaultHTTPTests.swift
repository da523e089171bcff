import Faults
import Testing

@testable import GatewayService

@Suite struct FaultHTTPTests {
  @Test(
    arguments: [
      (.validationError, 400), (.unauthorized, 401), (.forbidden, 403), (.notFound, 404),
      (.methodNotAllowed, 405), (.conflict, 409), (.licenseRevoked, 409), (.licenseSuspended, 409),
      (.licenseExpired, 409), (.licenseBanned, 409), (.payloadTooLarge, 413),
      (.unsupportedMediaType, 415), (.machineLimitExceeded, 422), (.floatingLimitExceeded, 422),
      (.planLimitExceeded, 422), (.referenceNotFound, 422), (.constraintViolation, 422),
      (.businessRuleViolation, 422), (.rateLimited, 429), (.headersTooLarge, 431),
      (.internalError, 500), (.serviceUnavailable, 503),
    ] as [(Fault.Reason, Int)]
  )
  func `each reason has the contract's status`(reason: Fault.Reason, status: Int) {
    #expect(Fault(.unknown, "", reason: reason).httpStatus == status)
  }

  @Test(
    arguments: [
      (.cancelled, 503, "SERVICE_UNAVAILABLE"), (.unknown, 500, "INTERNAL_ERROR"),
      (.invalidArgument, 400, "VALIDATION_ERROR"), (.deadlineExceeded, 503, "SERVICE_UNAVAILABLE"),
      (.notFound, 404, "NOT_FOUND"), (.alreadyExists, 409, "CONFLICT"),
      (.permissionDenied, 403, "FORBIDDEN"), (.resourceExhausted, 503, "SERVICE_UNAVAILABLE"),
      (.failedPrecondition, 422, "BUSINESS_RULE_VIOLATION"), (.aborted, 409, "CONFLICT"),
      (.outOfRange, 400, "VALIDATION_ERROR"), (.unimplemented, 500, "INTERNAL_ERROR"),
      (.internalError, 500, "INTERNAL_ERROR"), (.unavailable, 503, "SERVICE_UNAVAILABLE"),
      (.dataLoss, 500, "INTERNAL_ERROR"), (.unauthenticated, 401, "UNAUTHORIZED"),
    ] as [(Fault.Code, Int, String)]
  )
  func `each code without a reason has one`(code: Fault.Code, status: Int, reason: String) {
    let fault = Fault(code, "text")
    #expect(fault.httpStatus == status)
    #expect(fault.publicReason.rawValue == reason)
  }

  @Test(arguments: [Fault.Code.internalError, .unknown, .dataLoss, .unimplemented])
  func `our own errors say nothing`(code: Fault.Code) {
    let fault = Fault(
      code,
      "SELECT secret",
      issues: [Fault.Issue(path: ["secret"], message: "secret", code: "secret")],
      facts: [Fault.Fact("secret", 1)],
      detail: "secret"
    )
    let body = String(decoding: ErrorEnvelope.body(fault, requestID: "ID"), as: UTF8.self)
    #expect(body == #"{"error":"Internal error","code":"INTERNAL_ERROR","requestId":"ID"}"#)
  }

  @Test func `details never hold what is for our logs`() {
    let fault = Fault(
      .invalidArgument,
      "Validation failed",
      reason: .validationError,
      issues: [Fault.Issue(path: ["a", "0", "b"], message: "m\"", code: "c")],
      facts: [Fault.Fact("max", 2)],
      detail: "secret",
      cause: Fault(.unknown, "secret")
    )
    #expect(
      String(decoding: ErrorEnvelope.body(fault, requestID: "ID"), as: UTF8.self)
        == #"{"error":"Validation failed","code":"VALIDATION_ERROR","details":{"issues":"#
        + #"[{"path":["a",0,"b"],"message":"m\"","code":"c"}],"max":2},"requestId":"ID"}"#
    )
  }
}
