import EventLoop
import Faults
import Foundation
import TestKit
import Testing

extension EventLoopSuites {
  @Suite(.onLoop) struct ConnectionTests {
    /// Sends back what it receives, and remembers how it ended.
    @EventLoop final class Echo: ConnectionHandler {
      let connection: Connection
      var pending: [UInt8] = []
      var isClosed = false
      var onClosed: (() -> Void)?

      init(_ connection: Connection) { self.connection = connection }

      func received(_ bytes: UnsafeRawBufferPointer) {
        pending.append(contentsOf: bytes)
        connection.setNeedsFlush()
      }
      func receivedEnd() {}
      func produce(into output: inout [UInt8]) {
        output.append(contentsOf: pending)
        pending = []
      }
      func closed() {
        isClosed = true
        onClosed?()
      }
    }

    /// Sends bytes and gathers the answer.
    @EventLoop final class Client: ConnectionHandler {
      let connection: Connection
      var toSend: [UInt8]
      var received: [UInt8] = []
      let expected: Int
      var done: CheckedContinuation<Void, Never>?

      init(_ connection: Connection, sending: [UInt8], expecting: Int) {
        self.connection = connection
        toSend = sending
        expected = expecting
      }

      func run() async {
        await withCheckedContinuation { continuation in
          done = continuation
          connection.start(self)
          connection.setNeedsFlush()
        }
      }
      func received(_ bytes: UnsafeRawBufferPointer) {
        received.append(contentsOf: bytes)
        if received.count >= expected { end() }
      }
      func receivedEnd() {}
      func produce(into output: inout [UInt8]) {
        let piece = toSend.prefix(Connection.outputBytesTarget)
        output.append(contentsOf: piece)
        toSend.removeFirst(piece.count)
      }
      func closed() { end() }
      private func end() {
        done?.resume()
        done = nil
      }
    }

    /// A peer that sends, and resets the connection: libuv reports the error once, with the bytes still unread.
    @Test @EventLoop func `a reset behind bytes that came before it is noticed`() async throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      defer { listener.stop() }
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = listener.address.port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let status = withUnsafePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      #expect(status == 0)
      #expect(send(descriptor, "bytes", 5, 0) == 5)
      var lingering = linger(l_onoff: 1, l_linger: 0)
      setsockopt(
        descriptor,
        SOL_SOCKET,
        SO_LINGER,
        &lingering,
        socklen_t(MemoryLayout<linger>.size)
      )
      await withCheckedContinuation { continuation in
        listener.start { connection in
          // Closing with this option resets the connection, before anything of it was read.
          close(descriptor)
          let echo = Echo(connection)
          echo.onClosed = { continuation.resume() }
          connection.start(echo)
        }
      }
    }

    @Test(arguments: ["tcp4", "tcp6", "unix"])
    @EventLoop func `bytes come back in order however many there are`(family: String) async throws {
      let path = FileManager.default.temporaryDirectory.path + "/latchkey-\(UUID().uuidString)"
      let address = try #require(
        family == "unix"
          ? SocketAddress(unixPath: path)
          : SocketAddress(ip: family == "tcp4" ? "127.0.0.1" : "::1", port: 0)
      )
      let listener = try Listener(address)
      defer { listener.stop() }
      var echoes: [Echo] = []
      listener.start { connection in
        let echo = Echo(connection)
        echoes.append(echo)
        connection.start(echo)
      }
      let connection = try await Connection.connect(to: listener.address, timeout: .seconds(5))
      // Far more than socket buffers hold, so that both sides meet short writes.
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let client = Client(connection, sending: bytes, expecting: bytes.count)
      await client.run()
      #expect(client.received == bytes)
      connection.close()
      let echo = try #require(echoes.first)
      if !echo.isClosed {
        await withCheckedContinuation { continuation in
          echo.onClosed = { continuation.resume() }
        }
      }
      #expect(echo.isClosed)
    }

    @Test @EventLoop func `connecting where nobody listens is refused with one clear fault`()
      async throws
    {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      let address = listener.address
      listener.stop()
      do throws(Fault) {
        _ = try await Connection.connect(to: address, timeout: .seconds(5))
        Issue.record("connected")
      } catch {
        #expect(error.code == .unavailable)
        #expect(error.message == "Could not connect to \(address)")
      }
    }

    @Test @EventLoop func `a port that is taken is named in the fault`() throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      defer { listener.stop() }
      do throws(Fault) {
        _ = try Listener(listener.address)
        Issue.record("bound twice")
      } catch {
        #expect(error.message == "Cannot listen on \(listener.address): address already in use")
      }
    }

    @Test @EventLoop func `a peer that does not read costs one buffer`() async throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      defer { listener.stop() }

      @EventLoop final class Source: ConnectionHandler {
        var produced = 0
        func received(_ bytes: UnsafeRawBufferPointer) {}
        func receivedEnd() {}
        func produce(into output: inout [UInt8]) {
          output.append(contentsOf: repeatElement(7, count: Connection.outputBytesTarget))
          produced += Connection.outputBytesTarget
        }
        func closed() {}
      }
      let source = Source()
      var accepted: Connection?
      listener.start { connection in
        accepted = connection
        connection.start(source)
        connection.setNeedsFlush()
      }
      let connection = try await Connection.connect(to: listener.address, timeout: .seconds(5))
      let limit = Instant.now + .seconds(5)
      while accepted?.outputStalledSince == nil, Instant.now < limit { await Task.yield() }
      let server = try #require(accepted)
      #expect(server.outputStalledSince != nil)
      #expect(server.outputPending <= Connection.outputBytesTarget)
      // The kernel's buffers took the rest.
      #expect(source.produced < 64 * 1024 * 1024)
      server.close()
      connection.close()
    }
  }
}
