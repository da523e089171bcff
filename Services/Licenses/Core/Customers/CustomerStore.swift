internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// Where customers are kept.
///
/// All of its SQL is here.
struct CustomerStore: Sendable {
  let database: Database

  /// Makes sure that holders of licenses are customers: adds those whose address is new, and fills in the name of
  /// those who had none.
  ///
  /// Travels with the transaction's next statement. A customer that somebody else changes at this moment keeps
  /// what that change gives, and nobody waits: who changes a customer waits for licenses, which a caller of
  /// this may have locked.
  ///
  /// - Parameters:
  ///   - holders: Addresses, which may repeat, and names as licenses have them.
  ///   - change: The change that the licenses are part of.
  @EventLoop
  func remember(_ holders: [(email: String, name: String?)], _ change: Change) {
    guard !holders.isEmpty else { return }
    let ids = holders.map { _ in UUID.v7(at: change.now) }
    change.transaction.send(
      """
      with holder as (
        select distinct on (lower(h.email)) h.id, h.email, h.name
        from unnest(\(ids), \(holders.map(\.email)), \(holders.map(\.name))) as h (id, email, name)
        order by lower(h.email), h.name is null
      ), added as (
        insert into licenses.customers (
          account_id, environment, id, email, name, created_at, updated_at)
        select \(change.tenant.accountID), \(change.tenant.environment), id, email, name,
          \(change.now), \(change.now)
        from holder order by lower(email)
        on conflict (account_id, environment, email_folded) where deleted_at is null do nothing
      ), nameless as (
        select c.id, h.name from holder h
        join licenses.customers c on c.email_folded = lower(h.email)
        where h.name is not null and c.name is null and c.deleted_at is null
        for update of c skip locked
      )
      update licenses.customers c set name = n.name, updated_at = \(change.now)
      from nameless n where c.id = n.id
      """
    )
  }
}
