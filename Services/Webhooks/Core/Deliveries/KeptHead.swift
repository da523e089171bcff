internal import Primitives
internal import WebhooksSending

/// The head of a delivery's request as the log keeps it, in less than half of its bytes.
///
/// The log has one for each attempt, of some 500 bytes, and of these the signatures alone are not known from elsewhere.
/// So each common header is kept as one character in place of its name, and without its value where the delivery
/// says the same; both are put back when the head is shown. What differs is kept as it was sent, and so is where it was
/// sent to: a webhook that is changed later changes nothing of what is shown.
///
/// The text is a stored format, as long as the log is: what a header is known to be, ``knownValue(of:)``, is part of it as
/// the characters are. A release that signs otherwise or has another `Content-Type` keeps that value whole, and goes on
/// putting back the old one where none was kept.
struct KeptHead: Sendable {
  let eventID: String
  let eventType: String
  let deliveryID: String
  /// When the attempt began, in Unix seconds.
  let timestamp: String

  init(eventID: String, eventType: String, deliveryID: String, startedAt: Timestamp) {
    self.eventID = eventID
    self.eventType = eventType
    self.deliveryID = deliveryID
    timestamp = String(startedAt.seconds)
  }

  /// The characters that stand for names.
  ///
  /// None is ever given to another name, since the log is full of them.
  private static let characters: [String: Character] = [
    "Content-Type": "\u{1}",
    "X-Licentric-Event": "\u{2}",
    "X-Licentric-Delivery": "\u{3}",
    "X-Licentric-Timestamp": "\u{4}",
    "webhook-id": "\u{5}",
    "webhook-timestamp": "\u{6}",
    "X-Licentric-Signature": "\u{E}",
    "X-Licentric-Signature-Body": "\u{F}",
    "X-Licentric-Signature-Next": "\u{10}",
    "X-Licentric-Signature-Body-Next": "\u{11}",
    "webhook-signature": "\u{12}",
  ]
  private static let names = Dictionary(
    uniqueKeysWithValues: characters.map { ($0.value, $0.key) }
  )

  /// The value of a header that a delivery knows by itself.
  ///
  /// None is ever changed, since the log leaves them out.
  private func knownValue(of name: String) -> String? {
    switch name {
    case "Content-Type": "application/json"
    case "X-Licentric-Event": eventType
    case "X-Licentric-Delivery": deliveryID
    case "X-Licentric-Timestamp", "webhook-timestamp": timestamp
    case "webhook-id": eventID
    default: nil
    }
  }

  /// The head of a request as it is kept.
  func text(of request: OutgoingRequest) -> String {
    var text = request.firstLines
    text.reserveCapacity(320)
    for field in request.headers {
      if let character = Self.characters[field.name] {
        text.append(character)
        if field.value != knownValue(of: field.name) { text += field.value }
      } else {
        text += field.name
        text += ": "
        text += field.value
      }
      text += "\n"
    }
    return text
  }

  /// The whole head again; one that was kept whole is as it was.
  func restored(_ text: String) -> String {
    var head = ""
    head.reserveCapacity(text.utf8.count + 400)
    for line in text.split(separator: "\n") {
      if let first = line.first, let name = Self.names[first] {
        let value = line.dropFirst()
        head += name
        head += ": "
        // No header is sent without a value.
        if value.isEmpty { head += knownValue(of: name) ?? "" } else { head += value }
      } else {
        head += line
      }
      head += "\n"
    }
    return head
  }
}

extension OutgoingRequest {
  /// Its whole head, without what HTTP adds by itself, such as the length of the body.
  var head: String {
    var head = firstLines
    head.reserveCapacity(1_024)
    for field in headers {
      head += field.name
      head += ": "
      head += field.value
      head += "\n"
    }
    return head
  }

  /// What is sent, and whom to.
  fileprivate var firstLines: String { "POST \(url.target)\nHost: \(url.authority)\n" }
}
