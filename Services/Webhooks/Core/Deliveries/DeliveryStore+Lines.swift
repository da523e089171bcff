internal import EventLoop
internal import Postgres
internal import Primitives

/// Lines: the deliveries of one license to an ordered webhook, which wait for each other.
///
/// Whoever changes a line, by adding to it or by taking its head away, has locked the webhook until the end of the
/// transaction: of two beside each other the second sees what the first has done, so a line is never left without a
/// delivery that goes.
extension DeliveryStore {
  /// Locks webhooks for those that are about to add to lines of theirs.
  @EventLoop
  func lockLines(of endpoints: [UUID], _ transaction: Transaction) {
    guard !endpoints.isEmpty else { return }
    transaction.send(
      """
      select id from webhooks.endpoints where id = any (\(endpoints.sorted()))
      order by id for no key update
      """
    )
  }

  /// Has all of some lines wait again that nobody is sending, since deliveries were put before them.
  ///
  /// None of them would be claimed in any case: so they are not looked at in vain, nor taken for late. What is being sent
  /// comes to its end; where it fails it is claimed again only when nothing before it is pending.
  @EventLoop
  func holdBack(_ lines: [DeliveryLine], _ transaction: Transaction) {
    guard !lines.isEmpty else { return }
    transaction.change(
      at: """
        select w.place
        from unnest(\(lines.map(\.endpointID)), \(lines.map(\.licenseID)))
          as l (endpoint_id, license_id)
        cross join lateral (
          select w.ctid as place from webhooks.pending_deliveries w
          where w.endpoint_id = l.endpoint_id and w.license_id = l.license_id
            and w.line_position is not null and w.due_at is not null and w.claimed_by is null
          offset 0
        ) w
        """,
      """
      update webhooks.pending_deliveries set due_at = null
      where \(unescaped: Transaction.isAtPlace) and claimed_by is null
      """
    )
  }

  /// Lets the heads of lines go: the lowest delivery of each that has not come to its end, if it waits.
  @EventLoop
  func advance(
    _ lines: [DeliveryLine],
    at now: Timestamp,
    _ transaction: Transaction
  ) {
    guard !lines.isEmpty else { return }
    transaction.change(
      at: """
        select head.place
        from unnest(\(lines.map(\.endpointID)), \(lines.map(\.licenseID)))
          as l (endpoint_id, license_id)
        cross join lateral (
          select w.ctid as place, w.due_at from webhooks.pending_deliveries w
          where w.endpoint_id = l.endpoint_id and w.license_id = l.license_id
            and w.line_position is not null
          order by w.line_position limit 1
        ) head
        where head.due_at is null
        """,
      """
      update webhooks.pending_deliveries set due_at = \(now)
      where \(unescaped: Transaction.isAtPlace)
      """
    )
  }
}
