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

    /// A blocking socket that is connected to the listener, for what a ``Connection`` does not do.
    @EventLoop private func connectRaw(to listener: Listener) -> Int32 {
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
      return descriptor
    }

    /// A peer that sends, and resets the connection: libuv reports the error once, with the bytes still unread.
    @Test @EventLoop func `a reset behind bytes that came before it is noticed`() async throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      defer { listener.stop() }
      let descriptor = connectRaw(to: listener)
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

    /// What the peer of a connection does after that has ended its side.
    enum AfterEnd: CaseIterable { case sendsAndEnds, staysSilent, sendsWithoutEnd }

    @Test(arguments: AfterEnd.allCases)
    @EventLoop func `who finishes resets no peer that ends in time`(peer: AfterEnd) async throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      defer { listener.stop() }
      let descriptor = connectRaw(to: listener)
      defer { close(descriptor) }
      var echo: Echo?
      listener.start { connection in
        echo = Echo(connection)
        echo?.pending = Array("bye".utf8)
        connection.start(echo!)
        connection.finish()
      }
      var answer = [UInt8](repeating: 0, count: 16)
      var received: [Int] = []
      while received.last != 0 {
        let count = recv(descriptor, &answer, answer.count, Int32(MSG_DONTWAIT))
        if count >= 0 {
          received.append(count)
        } else {
          try #require(errno == EAGAIN)
          await EventLoop.sleep(for: .milliseconds(1))
        }
      }
      #expect(received == [3, 0] && answer.starts(with: "bye".utf8))
      let server = try #require(echo)
      let ended = Instant.now
      switch peer {
      case .sendsAndEnds:
        #expect(send(descriptor, "more", 4, 0) == 4)
        // Over the loopback a reset would be there before `send` returns.
        #expect(recv(descriptor, &answer, answer.count, Int32(MSG_DONTWAIT)) == 0)
        shutdown(descriptor, Int32(SHUT_WR))
      case .staysSilent: break
      case .sendsWithoutEnd:
        let piece = [UInt8](repeating: 1, count: 65_536)
        var sent = 0
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        while !server.isClosed {
          let count = send(descriptor, piece, piece.count, flags)
          if count > 0 { sent += count } else { await EventLoop.sleep(for: .milliseconds(1)) }
        }
        // Cut off by how much it sends, unless the time for that was over before. The kernel's buffers take some
        // megabytes more than we do.
        #expect(sent > 4 * 1024 * 1024 || Instant.now - ended > .seconds(1))
        #expect(sent < 64 * 1024 * 1024)
      }
      if !server.isClosed { await withCheckedContinuation { server.onClosed = $0.resume } }
      #expect(server.pending.isEmpty)
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
