extension Outcome {
  /// The outcome as one JSON object: `result`, `message`, `header`, `payload` and `lastSeen`, as `FORMAT.md` names them.
  public var json: [UInt8] {
    JSONWriter.object { writer in
      writer.member("result", verdict.rawValue)
      writer.member("message", message)
      writer.member("header", json: header?.json ?? Array("null".utf8))
      writer.member("payload", json: payload?.json ?? Array("null".utf8))
      writer.member("lastSeen", json: lastSeen.json)
    }
  }
}

extension LastSeen {
  fileprivate var json: [UInt8] {
    JSONWriter.object { writer in
      writer.member("time", time)
      writer.member("serial", serial)
      writer.member("revocationsNumber", revocationsNumber)
      writer.member("successionNumber", successionNumber)
    }
  }
}
