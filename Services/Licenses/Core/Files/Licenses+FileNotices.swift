public import Faults
internal import Primitives

extension Licenses {
  /// How often the signing service is told what has become of licenses.
  public nonisolated static let noticesInterval = Duration.milliseconds(500)
  /// How many notices one message has.
  private static let noticesMax = 1_000

  /// Tells the signing service what has become of licenses, machines and files, the oldest first.
  ///
  /// A notice is forgotten once it was taken; one that is sent twice does no harm. Any number of processes may do so.
  ///
  /// - Throws: ``Fault`` of the database or of the signing service; nothing is lost, it is tried again with the next
  ///   round.
  public func giveFileNotices() async throws(Fault) {
    while true {
      let notices = try await licenses.pendingNotices(max: Self.noticesMax)
      guard !notices.isEmpty else { return }
      try await files.tell(notices)
      for (tenant, own) in Dictionary(grouping: notices, by: \.tenant) {
        try await licenses.forget(own, of: tenant)
      }
      if notices.count < Self.noticesMax { return }
    }
  }
}
