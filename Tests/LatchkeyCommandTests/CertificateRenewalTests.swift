import EventLoop
import Faults
import Testing

@testable import LatchkeyCommand

@Suite struct CertificateRenewalTests {
  @EventLoop private final class Screen {
    var text = ""
  }

  /// A container that was away for a week must not let certificates end in the hour after.
  @Test @EventLoop func `certificates are looked at as soon as their renewal starts`() {
    let screen = Screen()
    let renewal = CertificateRenewal(Console { screen.text += $1 }) { () throws(Fault) in
      ["keys", "gateway"]
    }
    renewal.start()
    renewal.stop()
    #expect(screen.text == "renewed certificates: keys, gateway\n")
  }

  @Test @EventLoop func `a renewal that fails is told, and tried again every hour`() async {
    let screen = Screen()
    let renewal = CertificateRenewal(Console { screen.text += $1 }) { () throws(Fault) in
      throw Fault(.failedPrecondition, "The disk is full")
    }
    let complaint = "certificates could not be renewed: The disk is full\n"
    await ManualClock.use {
      renewal.start()
      #expect(screen.text == complaint)
      ManualClock.advance(by: .seconds(3_601))
      #expect(screen.text == complaint + complaint)
      renewal.stop()
      ManualClock.advance(by: .seconds(3_601))
    }
    #expect(screen.text == complaint + complaint)
  }
}
