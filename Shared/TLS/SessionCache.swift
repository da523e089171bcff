private import COpenSSL

/// The sessions a client can resume, the latest one a server name.
final class SessionCache {
  /// Many more names than a process talks to; the oldest makes room.
  static let nameCountMax = 64

  private var sessions: [String: OpaquePointer] = [:]
  private var names: [String] = []

  deinit {
    for session in sessions.values { SSL_SESSION_free(session) }
  }

  /// Keeps a session and takes over one reference to it.
  func store(owning session: OpaquePointer, for name: String) {
    if let older = sessions.updateValue(session, forKey: name) {
      SSL_SESSION_free(older)
      return
    }
    names.append(name)
    if names.count > Self.nameCountMax,
      let oldest = sessions.removeValue(forKey: names.removeFirst())
    {
      SSL_SESSION_free(oldest)
    }
  }

  /// Offers the kept session, if it is still good, to a session about to begin.
  func resume(_ ssl: OpaquePointer, name: String) {
    guard let session = sessions[name], SSL_SESSION_is_resumable(session) == 1 else { return }
    // A refusal only means a full handshake.
    if SSL_set_session(ssl, session) != 1 { OpenSSLErrors.clear() }
  }
}
