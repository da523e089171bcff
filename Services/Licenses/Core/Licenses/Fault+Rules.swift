internal import Faults

extension Fault {
  /// The input is well-formed, but a rule of licensing forbids it.
  static func businessRule(_ message: String) -> Fault {
    Fault(.failedPrecondition, message, reason: .businessRuleViolation)
  }

  /// The input points at something that is not there; another tenant's is not there either.
  static func referenceNotFound(_ message: String) -> Fault {
    Fault(.failedPrecondition, message, reason: .referenceNotFound)
  }
}
