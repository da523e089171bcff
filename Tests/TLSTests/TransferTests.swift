import COpenSSL
import Faults
import TLS
import Testing

/// How data passes through an established session, and how a session ends.
@Suite struct TransferTests {
  let contexts: TestContexts

  init() throws {
    contexts = try TestContexts()
  }

  private func established() throws -> Wire {
    let wire = try Wire(contexts.client(), contexts.server())
    wire.settle()
    try #require(wire.client.isEstablished && wire.server.isEstablished)
    return wire
  }

  @Test(arguments: [1, 16_384, 16_385, 1_000_000, 5_000_000])
  func `data arrives as it was sent, whatever its size`(size: Int) throws {
    let wire = try established()
    let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    try wire.sendFromClient(data)
    try wire.sendFromServer(data)
    #expect(wire.serverReceived == data)
    #expect(wire.clientReceived == data)
  }

  @Test func `records that arrive byte by byte are put together`() throws {
    let wire = try established()
    wire.pieceSize = 1
    let data = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
    try wire.sendFromClient(data)
    #expect(wire.serverReceived == data)
  }

  @Test func `output is appended to what the caller has`() throws {
    let wire = try established()
    var output: [UInt8] = [1, 2, 3]
    try [UInt8](repeating: 7, count: 10).withUnsafeBytes { bytes in
      try wire.client.write(bytes, appendingTo: &output)
    }
    #expect(output.starts(with: [1, 2, 3, 23, 3, 3]))
    wire.feedServer(Array(output.dropFirst(3)))
    #expect(wire.serverReceived == [UInt8](repeating: 7, count: 10))
  }

  @Test func `nothing is sent for nothing`() throws {
    let wire = try established()
    #expect(try wire.encrypt(wire.client, []).isEmpty)
  }

  @Test func `an answer can be written while the question is delivered`() throws {
    let wire = try established()
    let question = try wire.encrypt(wire.client, [1, 2, 3])
    var answer: [UInt8] = []
    try question.withUnsafeBytes { bytes in
      try wire.server.receive(bytes) { plaintext throws(Fault) in
        try wire.server.write(plaintext, appendingTo: &answer)
      }
    }
    wire.feedClient(answer)
    #expect(wire.clientReceived == [1, 2, 3])
  }

  @Test func `two sessions of one context can deliver into each other`() throws {
    let server = try contexts.server()
    let client = try contexts.client()
    let outer = try Wire(client, server)
    let inner = try Wire(client, server)
    outer.settle()
    inner.settle()
    let first = try outer.encrypt(outer.client, [1, 2])
    let second = try inner.encrypt(inner.client, [3, 4])
    try first.withUnsafeBytes { bytes in
      try outer.server.receive(bytes) { plaintext throws(Fault) in
        inner.feedServer(second)
        #expect(Array(plaintext) == [1, 2])
      }
    }
    #expect(inner.serverReceived == [3, 4])
  }

  @Test func `a fault of the receiver passes through`() throws {
    let wire = try established()
    let question = try wire.encrypt(wire.client, [1])
    let thrown = question.withUnsafeBytes { bytes in
      fault {
        try wire.server.receive(bytes) { _ throws(Fault) in throw Fault(.aborted, "enough") }
      }
    }
    #expect(thrown?.message == "enough")
  }

  @Test(arguments: 0..<32)
  func `a changed record is refused and delivers nothing`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let wire = try established()
    var record = try wire.encrypt(wire.client, Array("a license key".utf8))
    let index = Int.random(in: 5..<record.count, using: &random)
    record[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
    wire.feedServer(record)
    #expect(wire.serverFault?.code == .unavailable, "seed \(seed)")
    #expect(wire.serverReceived.isEmpty)
    wire.settle()
    #expect(wire.clientFault?.message == "The peer ended the TLS session: bad record mac")
  }

  @Test func `a replayed record is refused`() throws {
    let wire = try established()
    let record = try wire.encrypt(wire.client, [1])
    wire.feedServer(record)
    wire.feedServer(record)
    #expect(wire.serverReceived == [1])
    #expect(wire.serverFault != nil)
  }

  // MARK: Ends

  @Test func `an announced end is told from a cut connection`() throws {
    let wire = try established()
    var last: [UInt8] = []
    wire.client.shutdown(appendingTo: &last)
    #expect(!last.isEmpty)
    wire.feedServer(last)
    #expect(wire.server.isPeerClosed)
    #expect(fault { try wire.server.receiveEnd() } == nil)
    // The other direction stays open.
    try wire.sendFromServer([5])
    #expect(wire.clientFault?.code == .failedPrecondition)
  }

  @Test func `a cut connection is reported`() throws {
    let wire = try established()
    try wire.sendFromServer([1])
    let cut = fault { try wire.client.receiveEnd() }
    #expect(cut?.code == .dataLoss)
    #expect(cut?.message == "The peer ended the connection without closing TLS")
  }

  @Test func `an end during the handshake is reported`() throws {
    let server = try TLSSession(contexts.server())
    let cut = fault { try server.receiveEnd() }
    #expect(cut?.code == .unavailable)
  }

  @Test func `nothing is written after a shutdown`() throws {
    let wire = try established()
    var last: [UInt8] = []
    wire.client.shutdown(appendingTo: &last)
    let late = fault { _ = try wire.encrypt(wire.client, [1]) }
    #expect(late?.code == .failedPrecondition)
    var again: [UInt8] = []
    wire.client.shutdown(appendingTo: &again)
    #expect(again.isEmpty)
  }

  @Test func `bytes after the announced end are ignored`() throws {
    let wire = try established()
    var last: [UInt8] = []
    wire.client.shutdown(appendingTo: &last)
    wire.feedServer(last + [23, 3, 3, 0, 1, 0])
    #expect(wire.serverFault == nil)
    #expect(wire.serverReceived.isEmpty)
  }

  @Test func `a shutdown before the handshake sends nothing`() throws {
    let server = try TLSSession(contexts.server())
    var output: [UInt8] = []
    server.shutdown(appendingTo: &output)
    #expect(output.isEmpty)
  }

  @Test func `keys are updated on the way`() throws {
    let client = try RawClient()
    let server = try TLSSession(contexts.server())
    var received: [UInt8] = []
    try #require(client.settle(with: server) == nil)
    for round in 0..<UInt8(8) {
      try #require(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
      try #require(SSL_write(client.ssl, [round], 1) == 1)
      #expect(client.settle(with: server) { received.append($0) } == nil)
    }
    #expect(received == Array(0..<8))
  }
}
