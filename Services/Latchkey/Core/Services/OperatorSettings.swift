/// The settings of services that whoever runs `latchkey up` may make, by setting them in its environment.
///
/// All others are its own to decide, and nothing else of its environment reaches a service.
struct OperatorSettings: Sendable {
  /// The settings that each service takes from here; all services take `common` besides.
  static let names: [ServiceName: [String]] = [
    .keys: ["LATCHKEY_LEAKED_API_KEYS", "LATCHKEY_LEAKED_API_KEYS_OVERLAP_SECONDS"],
    .licenses: [
      "LATCHKEY_LICENSES_MAX", "LATCHKEY_PRODUCTS_MAX", "LATCHKEY_LEAKED_LICENSE_KEYS",
    ],
    .webhooks: [
      "LATCHKEY_WEBHOOKS_MAX", "LATCHKEY_WEBHOOKS_ALLOWED_RANGES", "LATCHKEY_EVENTS_RETENTION_DAYS",
      "LATCHKEY_DELIVERIES_RETENTION_DAYS",
    ],
    .gateway: [
      "LATCHKEY_TRUSTED_PROXIES",
      "LATCHKEY_RATE_LIMIT_VALIDATION", "LATCHKEY_RATE_LIMIT_ACTIVATION",
      "LATCHKEY_RATE_LIMIT_LICENSE", "LATCHKEY_RATE_LIMIT_MANAGEMENT", "LATCHKEY_RATE_LIMIT_PUBLIC",
      "LATCHKEY_RATE_LIMIT_VALIDATION_BY_ADDRESS", "LATCHKEY_RATE_LIMIT_ACTIVATION_BY_ADDRESS",
      "LATCHKEY_RATE_LIMIT_LICENSE_BY_ADDRESS", "LATCHKEY_RATE_LIMIT_PROCESSES",
    ],
  ]
  /// The settings that every service takes.
  static let common = ["LATCHKEY_LOG_LEVEL"]

  /// Those that were made, each with its value.
  private let made: [String: String]

  /// Takes what is set of them in an environment; what is set to nothing is not.
  init(_ environment: [String: String]) {
    let known = Set(OperatorSettings.names.values.joined()).union(OperatorSettings.common)
    made = environment.filter { known.contains($0.key) && !$0.value.isEmpty }
  }

  /// The part of a service's environment that they make up.
  func variables(of service: ServiceName) -> [String] {
    let names = OperatorSettings.common + (OperatorSettings.names[service] ?? [])
    return names.compactMap { name in made[name].map { "\(name)=\($0)" } }
  }

  /// All that were made, as the user is told; none of them is a secret.
  var texts: [String] { made.map { "\($0.key)=\($0.value)" }.sorted() }
}
