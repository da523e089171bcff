/// The services of a deployment, in the order in which they are started.
enum ServiceName: String, CaseIterable, Sendable {
  case keys, signing, licenses, webhooks, gateway

  /// The executable, which lies beside `latchkey`.
  var executable: String { "latchkey-\(rawValue)" }

  /// The name in its certificate: whom its peers take it for.
  var identity: String { rawValue }

  /// The role that it logs in to the database as; nil for the gateway, which has no database.
  var databaseRole: String? { self == .gateway ? nil : "latchkey_\(rawValue)" }

  /// What `dev.env` calls its RPC address.
  var addressVariable: String { "LATCHKEY_\(rawValue.uppercased())_RPC_ADDRESS" }

  /// What `dev.env` calls the address of its metrics.
  var metricsVariable: String { "LATCHKEY_\(rawValue.uppercased())_METRICS_ADDRESS" }
}
