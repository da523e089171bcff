internal import EventLoop
internal import Faults
internal import Glibc
internal import HTTP
internal import ServiceKit
internal import TLS

/// Where a deployment's REST API is, and how to trust it: of the environment, or else of `dev.env` in a data directory.
@EventLoop
struct APIEndpoint {
  /// Where the authorities of the public web are, for a deployment with a certificate of theirs.
  private static let publicAuthorities = "/etc/ssl/certs/ca-certificates.crt"

  /// The URL, as it was given.
  let url: String
  /// What else was found: API keys, a license key.
  let variables: DevEnvironment
  private let host: String
  private let port: UInt16
  private let tls: TLSContext

  /// Finds the deployment.
  ///
  /// - Parameter dataDirectory: That of `latchkey up`; nil for `LATCHKEY_URL` of the environment, or else for the default
  ///   folder.
  /// - Throws: ``Fault`` `failedPrecondition` when neither says where the deployment is.
  init(dataDirectory: String?) throws(Fault) {
    variables = try Self.variables(dataDirectory)
    guard let url = variables["LATCHKEY_URL"], url.hasPrefix("https://") else {
      throw Fault(.failedPrecondition, "Set LATCHKEY_URL (https://...), or give --data-dir")
    }
    let address = url.dropFirst("https://".count).split(separator: "/").first.map(String.init) ?? ""
    guard let endpoint = Endpoint(address) ?? Endpoint("\(address):443") else {
      throw Fault(.failedPrecondition, "LATCHKEY_URL is no URL: \(url)")
    }
    self.url = url
    host = endpoint.host
    port = endpoint.port
    let authorities = variables["LATCHKEY_CA_FILE"] ?? Self.publicAuthorities
    tls = try TLSContext(
      .client(authorities: try SettingsFile.read(authorities), applicationProtocols: ["h2"])
    )
  }

  /// Connects to the gateway.
  ///
  /// - Throws: ``Fault`` `unavailable` when it cannot be reached.
  func connect() async throws(Fault) -> HTTP2ClientConnection {
    guard let address = try await EventLoop.resolve(host: host, port: port).first else {
      throw .unavailable("\(host) has no address")
    }
    return try await HTTP2ClientConnection.connect(to: address, tls: tls, serverName: host)
  }

  private static let names = [
    "LATCHKEY_URL", "LATCHKEY_CA_FILE", "LATCHKEY_API_KEY", "LATCHKEY_TEST_API_KEY",
    "LATCHKEY_LIVE_API_KEY",
  ]

  private static func variables(_ dataDirectory: String?) throws(Fault) -> DevEnvironment {
    var found = DevEnvironment()
    if dataDirectory == nil, getenv("LATCHKEY_URL") != nil {
      for name in names { found[name] = getenv(name).map { String(cString: $0) } }
      return found
    }
    let directory = try DataDirectory.chosen(dataDirectory)
    guard case .ours = try directory.state(), Files.exists(directory.environmentFile) else {
      throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
    }
    return DevEnvironment(text: try Files.read(directory.environmentFile))
  }
}
