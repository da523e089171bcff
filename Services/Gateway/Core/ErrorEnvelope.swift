internal import Faults
internal import Transcoding

/// The body of every answer that is an error.
///
/// Source: the API contract, section 4.1.
enum ErrorEnvelope {
  /// Writes the body for a fault.
  ///
  /// - Parameters:
  ///   - fault: What went wrong; only its public parts are written.
  ///   - requestID: The id this answer also carries in `X-Request-Id`.
  /// - Returns: JSON text.
  static func body(_ fault: Fault, requestID: String) -> [UInt8] {
    var text = JSONText(capacity: 256)
    text.beginObject()
    text.key("error")
    text.string(fault.publicMessage)
    text.key("code")
    text.string(fault.publicReason.rawValue)
    writeDetails(fault, &text)
    text.key("requestId")
    text.string(requestID)
    text.endObject()
    return text.bytes
  }

  private static func writeDetails(_ fault: Fault, _ text: inout JSONText) {
    guard fault.publicReason != .internalError, !(fault.issues.isEmpty && fault.facts.isEmpty)
    else { return }
    text.key("details")
    text.beginObject()
    if !fault.issues.isEmpty {
      text.key("issues")
      text.beginArray()
      for issue in fault.issues { write(issue, &text) }
      text.endArray()
    }
    for fact in fault.facts {
      text.key(fact.name)
      text.integer(fact.value)
    }
    text.endObject()
  }

  private static func write(_ issue: Fault.Issue, _ text: inout JSONText) {
    text.beginObject()
    text.key("path")
    text.beginArray()
    for step in issue.path {
      // No field's name is a number, so digits are the index of an array's element.
      if let index = UInt64(step) { text.integer(index) } else { text.string(step) }
    }
    text.endArray()
    text.key("message")
    text.string(issue.message)
    text.key("code")
    text.string(issue.code)
    text.endObject()
  }
}
