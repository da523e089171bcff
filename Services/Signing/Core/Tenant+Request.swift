internal import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

extension Tenant {
  /// The tenant that another service names.
  init(_ account: String, _ environment: Caller.Environment) throws(Fault) {
    self.init(
      accountID: try UUID(checked: account),
      environment: environment == .live ? .live : .test
    )
  }
}
