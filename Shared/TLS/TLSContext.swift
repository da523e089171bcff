public import Faults

/// What the sessions of one server or client have in common; its certificates can be replaced while
/// it is in use.
///
/// Not Sendable: a context and its sessions belong to one isolation, the event loop's.
public final class TLSContext {
  /// The parsed settings that new sessions take; sessions that exist keep theirs.
  private(set) var settings: ContextSettings
  private var spareBuffer: PlaintextBuffer?

  /// Parses and checks a configuration.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` that says which part cannot be used: PEM that does not
  ///   parse, a certificate that has expired or is not valid yet, a key that does not belong to the
  ///   certificate, an encrypted key, a key too weak; `invalidArgument` for a server without identity,
  ///   a client without authorities, or a bad ALPN name.
  public init(_ configuration: TLSConfiguration) throws(Fault) {
    settings = try ContextSettings(configuration)
  }

  /// Replaces the configuration: new sessions use it, existing ones go on with the one they began with.
  ///
  /// Sessions cannot be resumed across the change, so a certificate authority that is removed here is
  /// removed for tickets given out earlier too.
  ///
  /// - Throws: As the initializer does; the configuration in use then stays.
  public func reload(_ configuration: TLSConfiguration) throws(Fault) {
    settings = try ContextSettings(configuration)
  }

  /// The buffer plaintext is read into: one for all sessions, since each hands its bytes out at once.
  ///
  /// A session that reads while another one delivers gets a buffer of its own.
  func borrowBuffer() -> PlaintextBuffer {
    guard let buffer = spareBuffer else { return PlaintextBuffer() }
    spareBuffer = nil
    return buffer
  }

  func giveBack(_ buffer: PlaintextBuffer) {
    spareBuffer = buffer
  }
}

/// Room for the plaintext of one TLS record.
final class PlaintextBuffer {
  /// The largest plaintext of a record (RFC 8446, section 5.1); a read never gives more than a record.
  static let size = 16_384

  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)

  deinit {
    bytes.deallocate()
  }
}
