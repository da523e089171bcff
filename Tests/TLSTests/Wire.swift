import Faults
import TLS

/// A client and a server session joined in memory.
final class Wire {
  let client: TLSSession
  let server: TLSSession
  private(set) var clientReceived: [UInt8] = []
  private(set) var serverReceived: [UInt8] = []
  /// Why each side gave up, if it did.
  private(set) var clientFault: Fault?
  private(set) var serverFault: Fault?
  /// Ciphertext is fed in pieces of this size.
  var pieceSize = Int.max

  init(_ clientContext: TLSContext, _ serverContext: TLSContext, name: String = "server.test")
    throws(Fault)
  {
    client = try TLSSession(clientContext, serverName: name)
    server = try TLSSession(serverContext)
  }

  /// Carries bytes both ways until both sides are silent.
  func settle() {
    while true {
      var toServer: [UInt8] = []
      var toClient: [UInt8] = []
      client.takeOutput(appendingTo: &toServer)
      server.takeOutput(appendingTo: &toClient)
      if toServer.isEmpty, toClient.isEmpty { return }
      feedServer(toServer)
      feedClient(toClient)
    }
  }

  func feedServer(_ bytes: [UInt8]) {
    guard serverFault == nil else { return }
    serverFault = feed(server, bytes) { self.serverReceived += $0 }
  }

  func feedClient(_ bytes: [UInt8]) {
    guard clientFault == nil else { return }
    clientFault = feed(client, bytes) { self.clientReceived += $0 }
  }

  private func feed(
    _ session: TLSSession,
    _ bytes: [UInt8],
    into: (UnsafeRawBufferPointer) -> Void
  ) -> Fault? {
    bytes.withUnsafeBytes { all in
      var rest = all[...]
      do throws(Fault) {
        while !rest.isEmpty {
          let piece = rest.prefix(pieceSize)
          rest = rest.dropFirst(piece.count)
          try session.receive(UnsafeRawBufferPointer(rebasing: piece)) { into($0) }
        }
        return nil
      } catch {
        return error
      }
    }
  }

  /// Sends plaintext from the client and carries everything over.
  func sendFromClient(_ bytes: [UInt8]) throws(Fault) {
    feedServer(try encrypt(client, bytes))
    settle()
  }

  /// Sends plaintext from the server and carries everything over.
  func sendFromServer(_ bytes: [UInt8]) throws(Fault) {
    feedClient(try encrypt(server, bytes))
    settle()
  }

  /// The ciphertext of `bytes`.
  func encrypt(_ session: TLSSession, _ bytes: [UInt8]) throws(Fault) -> [UInt8] {
    var output: [UInt8] = []
    let fault = bytes.withUnsafeBytes { plaintext -> Fault? in
      do throws(Fault) {
        try session.write(plaintext, appendingTo: &output)
        return nil
      } catch {
        return error
      }
    }
    if let fault { throw fault }
    return output
  }
}
