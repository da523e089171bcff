import TestMessages
import Testing

/// A secret that reaches a log by way of a message's description would be there for good.
@Suite struct RedactionTests {
  private let message = Secretive(
    user: "pat",
    password: "hunter2",
    keys: [Array("hunter2".utf8)],
    nested: Secretive.Nested(token: [104, 117, 110])
  )

  @Test func `secrets are in no text that is made of a message`() {
    var dumped = ""
    dump(message, to: &dumped)
    for text in [
      String(describing: message), String(reflecting: message), "\(message)", dumped,
      String(describing: [message]), String(describing: Optional(message)),
      String(describing: message.nested),
    ] {
      #expect(!text.contains("hunter2"))
      #expect(!text.contains("104"))
      #expect(text.contains("redacted"))
    }
  }

  @Test func `what is no secret is shown, and so is that a secret is absent`() {
    #expect(String(describing: message).contains("pat"))
    let text = String(describing: Secretive(user: "pat"))
    #expect(text.contains("password: nil"))
  }
}
