public import Faults
public import Messages
internal import Primitives
public import RPC

extension Licenses {
  /// Counts licenses, machines, activations and validations, as they are now.
  public func getAnalytics(_ request: GetAnalyticsRequest, _ call: Call) async throws(Fault)
    -> Analytics
  {
    let tenant = try call.requireTenant()
    let now = now()
    let store = AnalyticsStore(database: database)
    return Analytics(
      licenses: try await store.licenses(tenant, at: now),
      machines: try await store.machines(tenant),
      activations: Analytics.Activations(trend: try await store.trend(tenant, at: now)),
      validations: try await store.validations(tenant)
    )
  }
}
