internal import LatchkeyOffline

/// How the command ends: by the kind of result, so that scripts need not read JSON.
enum ExitStatus {
  static let done: Int32 = 0
  static let usage: Int32 = 2

  static func of(_ verdict: Verdict) -> Int32 {
    switch verdict {
    case .valid: done
    case .malformed, .unsupportedVersion, .invalidSignature: 1
    case .unknownKey, .keyNotYetValid, .keyRetired, .keyRevoked, .invalidKeys, .keysRollback: 3
    case .wrongAccount, .wrongEnvironment, .wrongProduct, .wrongFingerprint, .wrongLicenseKey: 4
    case .issuedInFuture, .notYetValid, .expired, .clockRollback, .serialRollback: 5
    case .revoked, .invalidRevocations, .revocationsRollback: 6
    }
  }
}
