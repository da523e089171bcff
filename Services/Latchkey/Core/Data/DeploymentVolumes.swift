internal import Cryptography
internal import Faults
internal import ServiceKit

/// The folders of a deployment whose services are kept apart: each is a volume of one container.
///
/// ```
/// secrets/database/          the passwords of all roles, for who sets them and migrates; the services' authority
/// secrets/postgres/          the administrator's password
/// secrets/<service>/         master keys, and the password of the service's role
/// secrets/operator/          the auditor's password, the account's id, and its API keys or that they are forgotten
/// certificates/authorities/  the authorities with their keys; says that all secrets were made once
/// certificates/postgres/     the database server's certificate with its key
/// certificates/<service>/    certificate with key, and the services' authority; the gateway's has what users see, too
/// certificates/operator/     certificate with key, and both authorities
/// ```
///
/// Certificates lie apart from secrets, since what renews them runs all the time and has to know nothing else. What more
/// than one needs is made in the first folder that has it, and copied.
struct DeploymentVolumes: DeploymentFiles {
  /// The folder that all volumes are mounted in, without a slash at the end.
  let path: String
  /// The host that users call the gateway by, besides `localhost`.
  let host: String?

  private static let database = "database"
  /// The database server: as a host name, and in its certificate.
  private static let postgres = "postgres"

  /// The folders that certificates are renewed in, the authorities' besides.
  private static let certified =
    ServiceName.allCases.map(\.rawValue) + [DeploymentCertificates.operatorIdentity]

  private var marker: String { "\(authorities)/complete" }

  var hasDatabase: Bool { Files.exists(marker) }
  var authorities: String { "\(path)/certificates/authorities" }

  var wantedCertificates: [DeploymentCertificates.Wanted] {
    var names = DeploymentCertificates.localNames + [.dns(ServiceName.gateway.identity)]
    if let host { names.append(CertificateName(host: host)) }
    // A server alone: it cannot pass for anybody who calls.
    let server = DeploymentCertificates.Wanted(
      name: DeploymentVolumes.postgres,
      authority: .rpc,
      names: [.dns(DeploymentVolumes.postgres)],
      usage: .server,
      // A database server reads its files when it is told to, which may fail for longer than a week unnoticed.
      lifetime: .users
    )
    return DeploymentCertificates.all(usersNames: names) + [server]
  }

  /// What the operator's commands read: a data directory that no deployment runs in.
  var operatorDirectory: DataDirectory {
    DataDirectory(
      secrets(DeploymentCertificates.operatorIdentity),
      isRoot: false,
      currentDirectory: "/"
    )
  }

  var accountIDFile: String { operatorDirectory.accountIDFile }
  var environmentFile: String { operatorDirectory.environmentFile }
  /// Says that the account's API keys are not kept any more, and that none are to be made in their place.
  var forgottenKeys: String { "\(operatorDirectory.path)/api-keys-forgotten" }

  func password(of role: String) -> String {
    "\(secrets(DeploymentVolumes.database))/\(role).password"
  }

  func masterKeys(of service: ServiceName) -> String? {
    service.databaseRole.map { _ in "\(secrets(service.rawValue))/master-keys" }
  }

  func certificates(of name: String) -> String {
    if DeploymentCertificates.Authority(rawValue: name) != nil { return authorities }
    return "\(path)/certificates/\(name == "https" ? ServiceName.gateway.rawValue : name)"
  }

  private func secrets(_ holder: String) -> String { "\(path)/secrets/\(holder)" }

  /// Checks that every volume is there and ours to write to, and lets nobody else in.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` that names the first one that is not.
  func check() throws(Fault) {
    let holders =
      [DeploymentVolumes.database, DeploymentVolumes.postgres]
      + ServiceName.allCases.filter { $0.databaseRole != nil }.map(\.rawValue)
      + [DeploymentCertificates.operatorIdentity]
    for holder in holders { try Files.makePrivate(secrets(holder)) }
    try Files.makePrivate(authorities)
    for holder in DeploymentVolumes.certified + [DeploymentVolumes.postgres] {
      try Files.makePrivate(certificates(of: holder))
    }
  }

  /// Gives everybody the authorities that they need to trust.
  ///
  /// - Throws: ``Fault`` when a file cannot be read or written.
  func copyAuthorities() throws(Fault) {
    for holder in DeploymentVolumes.certified {
      try copy(.rpc, to: certificates(of: holder))
    }
    try copy(.https, to: certificates(of: DeploymentCertificates.operatorIdentity))
  }

  /// Gives everybody the password of their own role, and whoever migrates what they need to trust.
  ///
  /// - Throws: ``Fault`` when a file cannot be read or written.
  func copySecrets() throws(Fault) {
    try copyPassword(of: PostgresCluster.administrator, to: DeploymentVolumes.postgres)
    try copyPassword(of: ServicePlan.auditorRole, to: DeploymentCertificates.operatorIdentity)
    for service in ServiceName.allCases {
      if let role = service.databaseRole { try copyPassword(of: role, to: service.rawValue) }
    }
    try copy(.rpc, to: secrets(DeploymentVolumes.database))
  }

  /// Remembers that all secrets were made: from now on none that is missing is made anew.
  ///
  /// - Throws: ``Fault`` when it cannot be written.
  func complete() throws(Fault) {
    guard !Files.exists(marker) else { return }
    try Files.write("All secrets were made.\n", to: marker)
  }

  private func copyPassword(of role: String, to holder: String) throws(Fault) {
    try copy(password(of: role), to: "\(secrets(holder))/\(role).password")
  }

  private func copy(
    _ authority: DeploymentCertificates.Authority,
    to folder: String
  ) throws(Fault) {
    try copy(certificate(authority.rawValue), to: "\(folder)/\(authority.rawValue).pem")
  }

  /// One that is the same already is left alone, so that nobody takes it for changed.
  private func copy(_ file: String, to other: String) throws(Fault) {
    let bytes = try SettingsFile.read(file)
    if Files.exists(other), try SettingsFile.read(other) == bytes { return }
    try Files.write(bytes, to: other)
  }
}
