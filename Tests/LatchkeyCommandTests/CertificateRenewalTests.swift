import EventLoop
import Faults
import Testing

@testable import LatchkeyCommand

@Suite struct CertificateRenewalTests {
  /// What was told, a line each time.
  @EventLoop private final class Told {
    var lines: [String] = []

    func take(_ outcome: Result<[String], Fault>) {
      switch outcome {
      case .success(let names): lines.append(names.joined(separator: " "))
      case .failure(let fault): lines.append(fault.message)
      }
    }
  }

  /// A container that was away for a week must not let certificates end in the hour after.
  @Test @EventLoop func `certificates are looked at as soon as their renewal starts`() {
    let told = Told()
    let renewal = CertificateRenewal { () throws(Fault) in
      ["keys", "gateway"]
    } tell: {
      told.take($0)
    }
    renewal.start()
    renewal.stop()
    #expect(told.lines == ["keys gateway"])
  }

  @Test @EventLoop func `nothing is told where nothing had to be renewed`() {
    let told = Told()
    let renewal = CertificateRenewal { () throws(Fault) in
      []
    } tell: {
      told.take($0)
    }
    renewal.start()
    renewal.stop()
    #expect(told.lines == [])
  }

  @Test @EventLoop func `a renewal that fails is told, and tried again every hour`() async {
    let told = Told()
    let renewal = CertificateRenewal { () throws(Fault) in
      throw Fault(.failedPrecondition, "The disk is full")
    } tell: {
      told.take($0)
    }
    await ManualClock.use {
      renewal.start()
      #expect(told.lines.count == 1)
      ManualClock.advance(by: .seconds(3_601))
      #expect(told.lines.count == 2)
      renewal.stop()
      ManualClock.advance(by: .seconds(3_601))
    }
    #expect(told.lines == ["The disk is full", "The disk is full"])
  }
}
