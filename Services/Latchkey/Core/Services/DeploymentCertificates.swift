internal import Cryptography
internal import Faults
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
      case .https: "Latchkey HTTPS"
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
    /// How long it lives.
    var lifetime: Lifetime
  }

  /// How long a certificate is valid, and when it is made anew.
  struct Lifetime: Equatable {
    var days: Int
    /// It is renewed by the first start or check that finds fewer days left.
    var renewedBeforeDays: Int

    /// Users' programs see this one, and may not like it to change often.
    static let users = Lifetime(days: 365, renewedBeforeDays: 120)
    /// A key that was stolen is of use for so long at most; renewal costs nobody anything, and may fail for a week
    /// before anybody notices.
    static let services = Lifetime(days: 14, renewedBeforeDays: 7)
    /// With an authority everything that it has issued is made anew.
    static let authority = Lifetime(days: 3_650, renewedBeforeDays: 120)

    /// Whether a certificate that ends at `expiry` is good for longer.
    func lasts(until expiry: Timestamp, at now: Timestamp) -> Bool {
      expiry > now + .seconds(Int64(renewedBeforeDays) * 86_400)
    }
  }

  /// The identity of people and programs that look after the deployment.
  static let operatorIdentity = "operator"

  /// What a machine calls itself.
  static let localNames: [CertificateName] = [.dns("localhost"), .ip("127.0.0.1"), .ip("::1")]

  /// Every certificate of a deployment on one machine.
  static let wanted = all(usersNames: localNames)

  /// Every certificate of a deployment.
  ///
  /// - Parameter usersNames: The names that users call the gateway by.
  /// - Returns: Users', each service's, the operator's.
  static func all(usersNames: [CertificateName]) -> [Wanted] {
    let users = Wanted(
      name: "https",
      authority: .https,
      names: usersNames,
      usage: .server,
      lifetime: .users
    )
    // Services call each other, so each is a server and a client; an operator only calls.
    let services = ServiceName.allCases.map {
      Wanted(
        name: $0.identity,
        authority: .rpc,
        names: [.dns($0.identity)],
        usage: [.server, .client],
        lifetime: .services
      )
    }
    let operators = Wanted(
      name: operatorIdentity,
      authority: .rpc,
      names: [.dns(operatorIdentity)],
      usage: .client,
      lifetime: .services
    )
    return [users] + services + [operators]
  }

  let files: any CertificateFiles
  let now: Timestamp

  /// Makes what is missing, ends soon, or is not its authority's.
  ///
  /// - Parameters:
  ///   - files: Where they lie.
  ///   - renewsAll: Whether everything but the authorities is made anew, however long it would last.
  ///   - now: The time.
  /// - Returns: The names of what was made.
  /// - Throws: ``Fault`` when a file cannot be read or written.
  static func prepare(
    _ files: any CertificateFiles,
    renewsAll: Bool = false,
    now: Timestamp = .now()
  ) throws(Fault) -> [String] {
    let lock = try FolderLock(files.authorities)
    defer { withExtendedLifetime(lock) {} }
    let certificates = DeploymentCertificates(files: files, now: now)
    var made: [String] = []
    for kind in Authority.allCases {
      let (authority, isNew) = try certificates.authority(kind)
      if isNew { made.append(kind.rawValue) }
      for wanted in files.wantedCertificates where wanted.authority == kind {
        let isGood = try certificates.isGood(wanted, authority)
        guard renewsAll || !isGood else { continue }
        try certificates.issue(wanted, by: authority)
        made.append(wanted.name)
      }
    }
    return made
  }

  /// When each certificate ends, the authorities' among them.
  ///
  /// - Throws: ``Fault`` when a file cannot be read or is no certificate.
  static func expiries(
    _ files: any CertificateFiles
  ) throws(Fault) -> [(name: String, expiry: Timestamp)] {
    let names = Authority.allCases.map(\.rawValue) + files.wantedCertificates.map(\.name)
    var expiries: [(name: String, expiry: Timestamp)] = []
    for name in names {
      let chain = try SettingsFile.read(files.certificate(name))
      expiries.append((name, try IssuedCertificate.expiry(ofPEM: chain)))
    }
    return expiries
  }

  private func authority(_ kind: Authority) throws(Fault) -> (CertificateAuthority, isNew: Bool) {
    let certificate = files.certificate(kind.rawValue)
    let key = files.key(kind.rawValue)
    if Files.exists(certificate), Files.exists(key) {
      var keyBytes = try SettingsFile.read(key)
      let chain = try SettingsFile.read(certificate)
      if !keyBytes.isEmpty,
        let authority = try? CertificateAuthority.load(
          certificatePEM: chain,
          privateKeyPEM: SecretBytes(wiping: &keyBytes)
        ),
        try lasts(chain, .authority)
      {
        return (authority, false)
      }
    }
    let authority = try CertificateAuthority.make(
      commonName: kind.commonName,
      days: Lifetime.authority.days,
      now: now
    )
    try replace(kind.rawValue, key: authority.privateKeyPEM, chain: authority.certificatePEM)
    return (authority, true)
  }

  private func isGood(_ wanted: Wanted, _ authority: CertificateAuthority) throws(Fault) -> Bool {
    let certificate = files.certificate(wanted.name)
    guard Files.exists(certificate), Files.exists(files.key(wanted.name)) else { return false }
    let chain = try SettingsFile.read(certificate)
    // The chain ends with its issuer, so this tells an earlier authority's certificate.
    guard chain.count > authority.certificatePEM.count,
      chain.suffix(authority.certificatePEM.count).elementsEqual(authority.certificatePEM)
    else { return false }
    guard wanted.names.allSatisfy({ (try? IssuedCertificate.isFor($0, pem: chain)) == true }) else {
      return false
    }
    guard let key = try? SettingsFile.readSecret(files.key(wanted.name)),
      (try? IssuedCertificate.isPair(chain, key)) == true
    else { return false }
    return (try? lasts(chain, wanted.lifetime)) ?? false
  }

  private func lasts(_ chain: [UInt8], _ lifetime: Lifetime) throws(Fault) -> Bool {
    lifetime.lasts(until: try IssuedCertificate.expiry(ofPEM: chain), at: now)
  }

  private func issue(_ wanted: Wanted, by authority: CertificateAuthority) throws(Fault) {
    let issued = try authority.issue(
      commonName: wanted.name,
      names: wanted.names,
      usage: wanted.usage,
      days: wanted.lifetime.days,
      now: now
    )
    try replace(wanted.name, key: issued.privateKeyPEM, chain: issued.chainPEM)
  }

  /// Puts a pair where another one may be, which stays until both files of the new one are written.
  ///
  /// A start that dies between the two renamings leaves a key and a certificate that are no pair: the next one makes both
  /// again.
  private func replace(_ name: String, key: SecretBytes, chain: [UInt8]) throws(Fault) {
    let places = [files.key(name), files.certificate(name)]
    try key.withUnsafeBytes { (bytes) throws(Fault) in
      try Files.write(bytes, to: "\(places[0]).next")
    }
    try Files.write(chain, to: "\(places[1]).next")
    for place in places { try Files.move("\(place).next", to: place) }
  }
}
