/// The streams that we reset last, on which the peer may still speak for a moment.
///
/// RFC 9113, section 5.1: frames on a stream that the peer itself has ended are an error, and those on a stream
/// that we have reset are not, since the peer had sent them before it knew. Frames in flight belong to the
/// streams that were open a round trip ago, so the last few are enough.
struct ResetStreams {
  /// As many as a connection may have open by default.
  private static let countMax = 256

  private var identifiers: [Int32] = []
  private var oldest = 0

  /// We have reset a stream.
  mutating func note(_ id: Int32) {
    if identifiers.count < ResetStreams.countMax {
      identifiers.append(id)
    } else {
      identifiers[oldest] = id
      oldest = (oldest + 1) % ResetStreams.countMax
    }
  }

  func contains(_ id: Int32) -> Bool { identifiers.contains(id) }
}
