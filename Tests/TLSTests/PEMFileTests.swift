import Faults
import Foundation
import TLS
import Testing

/// How certificate and key files are read.
@Suite struct PEMFileTests {
  private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).pem")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    try body(url.path)
  }

  @Test func `an identity is read from its two files`() throws {
    let identity = try TestAuthority().issue("DNS:server.test")
    let key = try TestKey(.p256).pem()
    try withFile(identity.certificateChain) { certificateFile in
      try withFile(key) { keyFile in
        let loaded = try TLSIdentity.load(certificateFile: certificateFile, keyFile: keyFile)
        #expect(loaded.certificateChain == identity.certificateChain)
      }
    }
  }

  @Test func `a missing file is named`() {
    let refused = fault { _ = try PEMFile.read("/nowhere/server.pem") }
    #expect(refused?.code == .failedPrecondition)
    #expect(refused?.message == "/nowhere/server.pem cannot be read: No such file or directory")
  }

  @Test func `a directory is no file`() {
    let refused = fault { _ = try PEMFile.read("/tmp") }
    #expect(refused?.message == "/tmp cannot be read: Is a directory")
  }

  @Test func `a file that is too large is refused`() throws {
    try withFile([UInt8](repeating: 65, count: PEMFile.sizeMax + 1)) { path in
      let refused = fault { _ = try PEMFile.read(path) }
      #expect(refused?.message == "\(path) is larger than 1048576 bytes")
    }
  }
}
