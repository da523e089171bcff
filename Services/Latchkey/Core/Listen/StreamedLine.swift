/// A line of the stream, as the webhooks service writes it: `{"cursor":"12","event":{"id":"evt_...",...}}`, or
/// `{"cursor":"12"}` at the beginning and while nothing happens.
struct StreamedLine: Equatable {
  /// What the stream goes on behind after this line.
  let cursor: String
  /// What happened; nil when nothing did.
  let event: StreamedEvent?

  /// Reads a line; nil when it has another form.
  init?(_ line: [UInt8]) {
    guard let (cursor, rest) = line[...].text(after: #"{"cursor":""#), !cursor.isEmpty,
      cursor.utf8.allSatisfy({ (0x30...0x39).contains($0) }), rest.last == UInt8(ascii: "}")
    else { return nil }
    self.cursor = cursor
    let members = rest.dropLast()
    guard !members.isEmpty else {
      event = nil
      return
    }
    guard let body = members.dropping(#","event":"#), let event = StreamedEvent(body) else {
      return nil
    }
    self.event = event
  }
}

/// An event of the stream.
struct StreamedEvent: Equatable {
  let id: String
  let type: String
  /// The envelope, to be posted as it is.
  let body: [UInt8]

  /// Reads an envelope; nil when it has another form.
  fileprivate init?(_ body: ArraySlice<UInt8>) {
    guard let (id, afterID) = body.text(after: #"{"id":""#),
      let (type, _) = afterID.text(after: #","type":""#)
    else { return nil }
    self.id = id
    self.type = type
    self.body = Array(body)
  }
}

extension ArraySlice<UInt8> {
  /// What follows a text; nil where the bytes do not begin with it.
  fileprivate func dropping(_ prefix: String) -> Self? {
    starts(with: prefix.utf8) ? dropFirst(prefix.utf8.count) : nil
  }

  /// The text up to the next quotation mark, where the bytes begin so; ids, types and cursors need no escapes.
  fileprivate func text(after prefix: String) -> (text: String, rest: Self)? {
    guard let rest = dropping(prefix), let end = rest.firstIndex(of: UInt8(ascii: "\"")) else {
      return nil
    }
    return (String(decoding: rest[..<end], as: UTF8.self), rest[(end + 1)...])
  }
}
