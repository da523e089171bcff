internal import Cryptography
internal import Faults
internal import Glibc
internal import Primitives
internal import ServiceKit

/// The certificates of a deployment: two authorities of its own, and what they have issued.
///
/// Users are asked to trust one of them, so that one has no say in who the services are to each other.
struct DeploymentCertificates {
  /// Who signs; the raw value is the name of its files.
  enum Authority: String, CaseIterable {
    /// For the address that users call.
    case https = "https-ca"
    /// For services and operators among each other.
    case rpc = "rpc-ca"

    fileprivate var commonName: String {
      switch self {
      case .https: "Latchkey development"
      case .rpc: "Latchkey services"
      }
    }
  }

  /// One certificate to have.
  struct Wanted: Equatable {
    /// What its files are called.
    var name: String
    var authority: Authority
    var names: [CertificateName]
    var usage: CertificateAuthority.Usage
  }

  /// Development certificates live for a year, and are renewed by the first start or daily check that
  /// finds less than this left, so that they do not end while anything uses them.
  static let lifetimeDays = 365
  static let renewedBefore = Duration.seconds(120 * 86_400)

  /// The identity of people and programs that look after the deployment.
  static let operatorIdentity = "operator"

  /// Every certificate of a deployment.
  static let wanted: [Wanted] =
    [
      Wanted(
        name: "https",
        authority: .https,
        names: [.dns("localhost"), .ip("127.0.0.1"), .ip("::1")],
        usage: .server
      )
    ]
    // Services call each other, so each is a server and a client; an operator only calls.
    + ServiceName.allCases.map {
      Wanted(
        name: $0.identity,
        authority: .rpc,
        names: [.dns($0.identity)],
        usage: [.server, .client]
      )
    } + [
      Wanted(
        name: operatorIdentity,
        authority: .rpc,
        names: [.dns(operatorIdentity)],
        usage: .client
      )
    ]

  let directory: DataDirectory
  let now: Timestamp

  /// Makes what is missing, ends soon, or is not its authority's.
  ///
  /// - Returns: The names of what was made.
  /// - Throws: ``Fault`` when a file cannot be read or written.
  static func prepare(
    _ directory: DataDirectory,
    now: Timestamp = .now()
  ) throws(Fault) -> [String] {
    let certificates = DeploymentCertificates(directory: directory, now: now)
    var made: [String] = []
    for kind in Authority.allCases {
      let (authority, isNew) = try certificates.authority(kind)
      if isNew { made.append(kind.rawValue) }
      for wanted in wanted where wanted.authority == kind {
        guard try !certificates.isGood(wanted, authority) else { continue }
        try certificates.issue(wanted, by: authority)
        made.append(wanted.name)
      }
    }
    return made
  }

  private func path(_ name: String, _ kind: String) -> String {
    "\(directory.certificates)/\(name).\(kind)"
  }

  private func authority(_ kind: Authority) throws(Fault) -> (CertificateAuthority, isNew: Bool) {
    let certificate = path(kind.rawValue, "pem")
    let key = path(kind.rawValue, "key")
    if Files.exists(certificate), Files.exists(key) {
      var keyBytes = try SettingsFile.read(key)
      let chain = try SettingsFile.read(certificate)
      if !keyBytes.isEmpty,
        let authority = try? CertificateAuthority.load(
          certificatePEM: chain,
          privateKeyPEM: SecretBytes(wiping: &keyBytes)
        ),
        try lasts(chain)
      {
        return (authority, false)
      }
    }
    let authority = try CertificateAuthority.make(commonName: kind.commonName, now: now)
    try write(authority.privateKeyPEM, to: key)
    try Files.write(authority.certificatePEM, to: certificate)
    return (authority, true)
  }

  private func isGood(_ wanted: Wanted, _ authority: CertificateAuthority) throws(Fault) -> Bool {
    let certificate = path(wanted.name, "pem")
    guard Files.exists(certificate), Files.exists(path(wanted.name, "key")) else { return false }
    let chain = try SettingsFile.read(certificate)
    // The chain ends with its issuer, so this tells an earlier authority's certificate.
    guard chain.count > authority.certificatePEM.count,
      chain.suffix(authority.certificatePEM.count).elementsEqual(authority.certificatePEM)
    else { return false }
    return (try? lasts(chain)) ?? false
  }

  private func lasts(_ chain: [UInt8]) throws(Fault) -> Bool {
    try IssuedCertificate.expiry(ofPEM: chain) > now + DeploymentCertificates.renewedBefore
  }

  private func issue(_ wanted: Wanted, by authority: CertificateAuthority) throws(Fault) {
    let issued = try authority.issue(
      commonName: wanted.name,
      names: wanted.names,
      usage: wanted.usage,
      days: DeploymentCertificates.lifetimeDays,
      now: now
    )
    // Without its certificate a key is no pair: a start that dies in between makes both again.
    unlink(path(wanted.name, "pem"))
    try write(issued.privateKeyPEM, to: path(wanted.name, "key"))
    try Files.write(issued.chainPEM, to: path(wanted.name, "pem"))
  }

  private func write(_ key: SecretBytes, to path: String) throws(Fault) {
    try key.withUnsafeBytes { (bytes) throws(Fault) in
      try Files.write(bytes, to: path)
    }
  }
}
