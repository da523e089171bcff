internal import Cryptography
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Signing {
  /// Takes a key of the caller's environment out of use; where it signs, the next one takes over at once.
  ///
  /// - Throws: ``Fault`` `notFound`; `CONFLICT` when there is nothing to take out of use, or, with the fact `liveFiles`,
  ///   when unexpired files are signed by it and the request is not forced.
  public func retireSigningKey(
    _ request: RetireSigningKeyRequest,
    _ call: Call
  ) async throws(Fault) -> SigningKeyset {
    let id = try UUID(checked: request.id)
    let isRevoked = request.revoke ?? false
    let isForced = request.force ?? false
    return try await changeKeyset(
      call,
      isRevoked ? "signingKey.revoke" : "signingKey.retire",
      reason: request.reason
    ) { (keyset, make, liveFiles, now) throws(Fault) in
      let keyID = try keyset.key(id).publicKey.id
      try keyset.retire(id, isRevoked: isRevoked, now: now, isForced: isForced, making: make)
      if let count = liveFiles[keyID], count > 0, !isForced {
        throw Fault(
          .aborted,
          isRevoked
            ? "\(count) license file(s) in use are signed by this key and would count no more; say force to go on"
            : "\(count) license file(s) in use are signed by this key: they count until they expire, but not where an "
              + "application checks that the key is in use; say force to go on",
          reason: .conflict,
          facts: [.init("liveFiles", count)]
        )
      }
    }
  }
}
