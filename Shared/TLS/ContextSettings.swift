private import COpenSSL
internal import Faults

/// One parsed configuration: owns an `SSL_CTX` and what its callbacks need.
final class ContextSettings {
  let role: TLSConfiguration.Role
  /// The ALPN names as bytes, the preferred one first.
  let applicationProtocols: [[UInt8]]
  /// Sessions a client can resume; empty on a server, whose tickets hold everything.
  let sessions = SessionCache()
  /// What is presented to clients that ask for a name of theirs.
  private let named: [ContextSettings]
  /// The own certificate, where there is one.
  private var leaf: Certificate?
  /// OpenSSL's `SSL_CTX *`, alive as long as this object.
  let pointer: OpaquePointer
  /// The callbacks through which sessions read and write ciphertext.
  let transport: BIOMethod
  private var ticketKeysSince = ContinuousClock.now

  /// The most a peer's certificate chain may take: four certificates of 8 KiB, where 2 KiB is usual.
  private static let certificateListSizeMax = 32_768
  /// A leaf, two intermediates and the root; more is needed by no authority we know.
  private static let chainDepthMax: Int32 = 4
  /// How long a session may be resumed: short enough that a revoked or replaced identity fades away.
  private static let sessionLifetimeSeconds = 3_600
  /// How long the keys that protect tickets live.
  ///
  /// Whoever steals them later can read no TLS 1.2 traffic older than this. Tickets made before a change
  /// only cost a full handshake.
  static let ticketKeysLifetime = Duration.seconds(12 * 3_600)
  /// Equal to Debian's default: no RSA below 2,048 bits, no SHA-1 signatures.
  private static let securityLevel: Int32 = 2
  /// TLS 1.2 suites: AEAD with forward secrecy only, the cheapest first where AES is in hardware.
  private static let suitesTLS12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    + "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
  private static let suitesTLS13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
  private static let groups = "X25519:P-256:P-384"

  init(_ configuration: TLSConfiguration) throws(Fault) {
    role = configuration.role
    applicationProtocols = try Self.checked(configuration.applicationProtocols)
    transport = try BIOMethod()
    named = try configuration.namedIdentities.map { (identity) throws(Fault) in
      // The choice of a protocol is asked of the context that was chosen.
      let protocols = configuration.applicationProtocols
      return try ContextSettings(.server(identity: identity, applicationProtocols: protocols))
    }
    OpenSSLErrors.clear()
    let method = role == .server ? TLS_server_method() : TLS_client_method()
    guard let pointer = SSL_CTX_new(method) else {
      throw .internalError("SSL_CTX_new: \(OpenSSLErrors.drain().text)")
    }
    self.pointer = pointer
    try applyPolicy()
    try applyIdentity(configuration.identity)
    try applyAuthorities(configuration.authorities)
    try applyProtocols()
    applySessions()
    if !named.isEmpty { COpenSSL_SSL_CTX_set_tlsext_servername_callback(pointer, selectIdentity) }
  }

  deinit {
    SSL_CTX_free(pointer)
  }

  /// Throws what the queue holds when `succeeded` is false: a setting of our own was refused.
  private func check(_ succeeded: Bool, _ call: String) throws(Fault) {
    let errors = OpenSSLErrors.drain()
    if !succeeded { throw .internalError("\(call): \(errors.text)") }
  }

  private func applyPolicy() throws(Fault) {
    SSL_CTX_set_security_level(pointer, Self.securityLevel)
    try check(
      COpenSSL_SSL_CTX_set_min_proto_version(pointer, TLS1_2_VERSION) == 1
        && COpenSSL_SSL_CTX_set_max_proto_version(pointer, TLS1_3_VERSION) == 1,
      "protocol versions"
    )
    try check(SSL_CTX_set_cipher_list(pointer, Self.suitesTLS12) == 1, "TLS 1.2 suites")
    try check(SSL_CTX_set_ciphersuites(pointer, Self.suitesTLS13) == 1, "TLS 1.3 suites")
    try check(COpenSSL_SSL_CTX_set1_groups_list(pointer, Self.groups) == 1, "groups")
    SSL_CTX_set_options(
      pointer,
      COpenSSL_SSL_OP_NO_RENEGOTIATION | COpenSSL_SSL_OP_NO_COMPRESSION
        | COpenSSL_SSL_OP_CIPHER_SERVER_PREFERENCE | COpenSSL_SSL_OP_PRIORITIZE_CHACHA
    )
    // An idle connection then holds no record buffers, 34 KB each.
    COpenSSL_SSL_CTX_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
    COpenSSL_SSL_CTX_set_max_cert_list(pointer, Self.certificateListSizeMax)
  }

  private func applyIdentity(_ identity: TLSIdentity?) throws(Fault) {
    guard let identity else {
      if role == .server { throw Fault(.invalidArgument, "A TLS server needs a certificate") }
      return
    }
    let chain = try Certificate.parse(pem: identity.certificateChain, what: "certificate file")
    let key = try PrivateKey(pem: identity.privateKey)
    let leaf = chain[0]
    guard key.belongs(to: leaf) else {
      throw Fault(.failedPrecondition, "The private key does not belong to the certificate")
    }
    for certificate in chain { try certificate.checkValidity(what: "certificate") }
    self.leaf = leaf
    OpenSSLErrors.clear()
    var isAccepted =
      SSL_CTX_use_certificate(pointer, leaf.pointer) == 1
      && SSL_CTX_use_PrivateKey(pointer, key.pointer) == 1
    for certificate in chain.dropFirst() where isAccepted {
      isAccepted = COpenSSL_SSL_CTX_add1_chain_cert(pointer, certificate.pointer) == 1
    }
    let errors = OpenSSLErrors.drain()
    guard isAccepted else {
      throw Fault(
        .failedPrecondition,
        "The certificate or its key is too weak to be used",
        detail: errors.text
      )
    }
  }

  private func applyAuthorities(_ authorities: [UInt8]?) throws(Fault) {
    guard let authorities else {
      if role == .client {
        throw Fault(.invalidArgument, "A TLS client needs authorities to trust")
      }
      SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
      return
    }
    let store = SSL_CTX_get_cert_store(pointer)
    for authority in try Certificate.parse(pem: authorities, what: "authority file") {
      OpenSSLErrors.clear()
      try check(X509_STORE_add_cert(store, authority.pointer) == 1, "X509_STORE_add_cert")
      if role == .server {
        try check(SSL_CTX_add_client_CA(pointer, authority.pointer) == 1, "SSL_CTX_add_client_CA")
      }
    }
    let mode = role == .server ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
    SSL_CTX_set_verify(pointer, mode, nil)
    SSL_CTX_set_verify_depth(pointer, Self.chainDepthMax)
  }

  private func applyProtocols() throws(Fault) {
    guard !applicationProtocols.isEmpty else { return }
    switch role {
    case .server:
      SSL_CTX_set_alpn_select_cb(pointer, selectProtocol, nil)
    case .client:
      let list = applicationProtocols.flatMap { [UInt8($0.count)] + $0 }
      // This one call returns 0 for success.
      try check(
        SSL_CTX_set_alpn_protos(pointer, list, UInt32(list.count)) == 0,
        "SSL_CTX_set_alpn_protos"
      )
    }
  }

  private func applySessions() {
    SSL_CTX_set_timeout(pointer, Self.sessionLifetimeSeconds)
    // A server that verifies clients refuses to resume without a context of its own.
    let name = Array("latchkey".utf8)
    SSL_CTX_set_session_id_context(pointer, name, UInt32(name.count))
    switch role {
    case .server:
      // Tickets carry the state, so nothing is kept here for clients that may never return.
      COpenSSL_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
      SSL_CTX_set_num_tickets(pointer, 1)
    case .client:
      COpenSSL_SSL_CTX_set_session_cache_mode(
        pointer,
        Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL)
      )
      SSL_CTX_sess_set_new_cb(pointer, keepSession)
    }
  }

  /// The context whose certificate has a name; nil where the own one is as good as any.
  fileprivate func context(named name: UnsafePointer<CChar>) -> OpaquePointer? {
    named.first { $0.leaf?.hasName(name) == true }?.pointer
  }

  /// Replaces the keys that protect tickets once they are old enough; OpenSSL never does by itself.
  func renewTicketKeys(at now: ContinuousClock.Instant) {
    guard role == .server, ticketKeysSince.duration(to: now) >= Self.ticketKeysLifetime else {
      return
    }
    ticketKeysSince = now
    var keys = [UInt8](repeating: 0, count: Self.ticketKeysSize)
    OpenSSLErrors.clear()
    // Without new keys the old ones stay: worse than a change, better than no service.
    if RAND_bytes(&keys, Int32(keys.count)) == 1 {
      _ = COpenSSL_SSL_CTX_set_tlsext_ticket_keys(pointer, &keys, keys.count)
    }
    OPENSSL_cleanse(&keys, keys.count)
    OpenSSLErrors.clear()
  }

  /// A key name of 16 bytes, an HMAC key and an AES key of 32 bytes each: OpenSSL 3's layout.
  private static let ticketKeysSize = 80

  private static func checked(_ names: [String]) throws(Fault) -> [[UInt8]] {
    for name in names where !(1...255).contains(name.utf8.count) {
      throw Fault(.invalidArgument, "An ALPN name has 1 to 255 bytes")
    }
    return names.map { Array($0.utf8) }
  }
}

/// Takes the certificate that has the name which the client asks for; who asks for an unknown one, or for none, gets
/// the first certificate, and sees by itself that it is another's.
private func selectIdentity(
  _ ssl: OpaquePointer?,
  _: UnsafeMutablePointer<Int32>?,
  _: UnsafeMutableRawPointer?
) -> Int32 {
  guard let ssl, let session = TLSSession.of(ssl),
    let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
    let context = session.settings.context(named: name)
  else { return SSL_TLSEXT_ERR_OK }
  return SSL_set_SSL_CTX(ssl, context) == nil ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK
}

/// Picks the server's most preferred protocol that the client offers too (RFC 7301, section 3.2).
private func selectProtocol(
  _ ssl: OpaquePointer?,
  _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ selectedSize: UnsafeMutablePointer<UInt8>?,
  _ offered: UnsafePointer<UInt8>?,
  _ offeredSize: UInt32,
  _: UnsafeMutableRawPointer?
) -> Int32 {
  guard let ssl, let selected, let selectedSize, let offered,
    let session = TLSSession.of(ssl)
  else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  let offer = UnsafeBufferPointer(start: offered, count: Int(offeredSize))
  for name in session.settings.applicationProtocols {
    var start = 0
    while start < offer.count {
      let end = start + 1 + Int(offer[start])
      guard end <= offer.count else { return SSL_TLSEXT_ERR_ALERT_FATAL }
      if offer[(start + 1)..<end].elementsEqual(name) {
        // Points into the client's list, which OpenSSL keeps until it has copied the choice.
        selected.pointee = offered + start + 1
        selectedSize.pointee = offer[start]
        return SSL_TLSEXT_ERR_OK
      }
      start = end
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Keeps a session a server just offered for resumption; 1 says that its reference was taken over.
private func keepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
  guard let ssl, let session, let owner = TLSSession.of(ssl), let name = owner.serverName else {
    return 0
  }
  owner.settings.sessions.store(owning: session, for: name)
  return 1
}
