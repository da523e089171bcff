import EventLoop
import Faults
import Testing

@testable import LatchkeyCommand

@Suite struct ConsoleTests {
  @EventLoop private final class Screen {
    var text = ""
  }

  @Test @EventLoop func `a step is named before it is worked on and told after`() async throws {
    let screen = Screen()
    let console = Console { screen.text += $1 }
    try await console.step("database") { () async throws(Fault) in
      #expect(screen.text == "  database ........................ ")
      return "made"
    }
    #expect(screen.text == "  database ........................ made\n")
  }

  @Test @EventLoop func `a line said in the middle of a step does not tear it`() async throws {
    let screen = Screen()
    let console = Console { screen.text += $1 }
    try await console.step("services") { () async throws(Fault) in
      console.say("keys has ended")
      return "healthy"
    }
    #expect(
      screen.text == """
          services ........................ 
        keys has ended
          services ........................ healthy

        """
    )
  }

  @Test @EventLoop func `a failed step says so, and the complaint is one sentence`() async throws {
    let screen = Screen()
    let console = Console { screen.text += "\($0):\($1)" }
    do throws(Fault) {
      try await console.step("database") { () async throws(Fault) in throw .unavailable("No") }
    } catch {
      console.complain(error)
    }
    #expect(screen.text == "1:  database ........................ 1:failed\n2:latchkey: No\n")
  }

  @Test(arguments: [
    (Duration.milliseconds(190), ""), (.milliseconds(250), " (0.2 s)"), (.seconds(12), " (12.0 s)"),
  ])
  func `only times that somebody notices are told`(duration: Duration, text: String) {
    #expect(Console.seconds(duration) == text)
  }
}
