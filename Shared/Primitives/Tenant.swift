/// Whose data an operation may see: one account in one environment.
public struct Tenant: Hashable, Sendable {
  /// The account.
  public let accountID: UUID
  /// The data set within the account.
  public let environment: Environment

  /// Names a tenant.
  public init(accountID: UUID, environment: Environment) {
    self.accountID = accountID
    self.environment = environment
  }
}
