internal import Faults
internal import ServiceKit

/// The settings of services that whoever runs `latchkey up` may make, in its environment or a file.
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
      "LATCHKEY_REQUEST_LOG",
    ],
  ]
  /// The settings that every service takes.
  static let common = [
    "LATCHKEY_LOG_LEVEL", "LATCHKEY_OTLP_ENDPOINT", "LATCHKEY_OTLP_HEADERS_FILE",
    "LATCHKEY_TRACE_RATIO", "LATCHKEY_WORKERS",
  ]

  /// Those that were made, each with its value.
  private let made: [String: String]

  /// Takes what is set of them in an environment; what is set to nothing is not.
  init(_ environment: [String: String]) {
    made = environment.filter { OperatorSettings.known.contains($0.key) && !$0.value.isEmpty }
  }

  /// Takes them from an environment, and what that has not from a file, as services do.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when the file has a line that is wrong, or a setting that is not among them.
  init(_ environment: [String: String], file path: String?) throws(Fault) {
    let given = environment.filter { !$0.value.isEmpty }
    guard let path else {
      self.init(given)
      return
    }
    let variables = try SettingsListing.variables(in: path, known: OperatorSettings.known)
    self.init(variables.merging(given) { _, given in given })
  }

  private static let known = Set(names.values.joined()).union(common)

  /// The part of a service's environment that they make up.
  func variables(of service: ServiceName) -> [String] {
    let names = OperatorSettings.common + (OperatorSettings.names[service] ?? [])
    return names.compactMap { name in made[name].map { "\(name)=\($0)" } }
  }

  /// All that were made, as the user is told; none of them is a secret.
  var texts: [String] { made.map { "\($0.key)=\($0.value)" }.sorted() }
}
