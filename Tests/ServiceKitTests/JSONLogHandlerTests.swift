import Faults
import Foundation
import Logging
import Testing

@testable import ServiceKit

@Suite struct JSONLogHandlerTests {
  private final class Sink: @unchecked Sendable {
    private let lock = NSLock()
    private var collected: [[UInt8]] = []
    var lines: [[UInt8]] { lock.withLock { collected } }
    func append(_ line: [UInt8]) { lock.withLock { collected.append(line) } }
  }

  private func logged(_ body: (inout Logger) -> Void) throws -> (text: String, json: [String: Any])
  {
    let sink = Sink()
    var logger = Logger(label: "test") { label in
      JSONLogHandler(service: "keys", label: label, level: .debug) { sink.append($0) }
    }
    body(&logger)
    let line = try #require(sink.lines.first)
    #expect(line.last == UInt8(ascii: "\n"))
    #expect(line.dropLast().allSatisfy { $0 != UInt8(ascii: "\n") })
    let object = try JSONSerialization.jsonObject(with: Data(line))
    return (String(decoding: line, as: UTF8.self), try #require(object as? [String: Any]))
  }

  @Test func `an event is one line of JSON with its metadata`() throws {
    let (_, json) = try logged { logger in
      logger[metadataKey: "part"] = "pool"
      logger.warning(
        "two\nlines \"quoted\" \u{1b}[31m",
        metadata: ["count": "\(3)", "level": "odd", "list": ["a", "b"], "map": ["k": "v"]]
      )
    }
    #expect(json["level"] as? String == "warning")
    #expect(json["service"] as? String == "keys")
    #expect(json["message"] as? String == "two\nlines \"quoted\" \u{1b}[31m")
    #expect(json["part"] as? String == "pool")
    #expect(json["level_"] as? String == "odd")
    #expect(json["list"] as? [String] == ["a", "b"])
    #expect(json["map"] as? [String: String] == ["k": "v"])
    let time = try #require(json["time"] as? String)
    #expect(time.hasSuffix("Z") && time.count == 24)
  }

  @Test func `a fault is logged with what its caller never sees`() throws {
    let (text, _) = try logged {
      $0.error("failed", error: Fault.internalError("the row is gone"))
    }
    #expect(text.contains("the row is gone"))
  }

  @Test func `secrets are blotted out by attribute, by name and by their looks`() throws {
    let (text, json) = try logged { logger in
      logger.info(
        "refused lk_test_0123456789abcdefghijABCDEFGHIJ123456 and ATL-7QF2-M9XK-T4RD-W8HB",
        metadata: [
          "value": .attributed("s3cret-one", attributes: [Sensitivity.secret]),
          "db_password": "s3cret-two",
          "headers": ["Authorization": "Bearer s3cret-three"],
          "detail": "host=/run password=s3cret-four dbname=x",
          "id": "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11",
        ]
      )
    }
    #expect(!text.contains("s3cret"))
    #expect(!text.contains("0123456789abc"))
    #expect(!text.contains("7QF2"))
    #expect(json["message"] as? String == "refused lk_test_[redacted] and [redacted]")
    #expect(json["id"] as? String == "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11")
    #expect(json["detail"] as? String == "host=/run password=[redacted] dbname=x")
  }

  @Test func `an endless value is cut`() throws {
    let (text, _) = try logged { $0.info("\(String(repeating: "x", count: 1_000_000))") }
    #expect(text.utf8.count < LogLine.valueBytesMax + 512)
    #expect(text.contains("(cut)"))
  }

  @Test func `what is less severe than the level is not written`() {
    let sink = Sink()
    let logger = Logger(label: "test") { label in
      JSONLogHandler(service: "keys", label: label, level: .warning) { sink.append($0) }
    }
    logger.info("quiet")
    #expect(sink.lines.isEmpty)
  }
}
