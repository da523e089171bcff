internal import EventLoop
public import Faults
internal import Postgres
internal import Primitives

extension Licenses {
  /// How often the signing service is told what has become of licenses.
  public nonisolated static let noticesInterval = Duration.milliseconds(500)
  /// How many notices one message has.
  private static let noticesMax = 1_000

  /// Tells the signing service what has become of licenses, machines and files, the oldest first.
  ///
  /// A notice is forgotten once it was taken; one that is sent twice, since a process died in between, does no harm. Of
  /// several processes one at a time does so.
  ///
  /// - Throws: ``Fault`` of the database or of the signing service; nothing is lost, it is tried again with the next
  ///   round.
  public func giveFileNotices() async throws(Fault) {
    while try await !licenses.pendingNotices(max: 1).isEmpty {
      let given = try await database.alone("licenses.give_file_notices") {
        () async throws(Fault) in try await giveSomeNotices()
      }
      guard given == Self.noticesMax else { return }
    }
  }

  /// - Returns: How many notices were given.
  private func giveSomeNotices() async throws(Fault) -> Int {
    let notices = try await licenses.pendingNotices(max: Self.noticesMax)
    guard !notices.isEmpty else { return 0 }
    try await files.tell(notices)
    for (tenant, own) in Dictionary(grouping: notices, by: \.tenant) {
      try await licenses.forget(own, of: tenant)
    }
    return notices.count
  }
}
