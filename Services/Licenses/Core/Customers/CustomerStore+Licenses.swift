internal import Changes
internal import EventLoop
internal import Messages
internal import Postgres
internal import Primitives

/// What a customer and the licenses of the same address have to do with each other.
extension CustomerStore {
  /// How many licenses a customer's new address or name goes to at most: they are all locked and written in one
  /// transaction, which takes about half a second for so many.
  static let licensesMax = 10_000

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

  /// Gives the licenses of a locked customer its new address, and its name where that has changed.
  ///
  /// One statement for all of them, which locks them in the order of their ids. Their events and their counters
  /// are not touched. Sent before the customer's own row is written: from then on nobody else's license waits for
  /// a customer whose change waits for licenses.
  @EventLoop
  func passOn(_ customer: Customer, from before: Customer, _ change: Change) {
    change.transaction.send(
      """
      with held as (
        select id from licenses.licenses
        where user_email_folded = lower(\(before.email)) and deleted_at is null
        order by id for update
      )
      update licenses.licenses l set user_email = \(customer.email),
        user_name = case when \(customer.name != before.name) then \(customer.name) else l.user_name end,
        updated_at = \(change.now)
      from held where l.id = held.id
      """
    )
  }
}
