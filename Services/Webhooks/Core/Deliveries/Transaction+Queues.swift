internal import EventLoop
internal import Faults
internal import Postgres

extension Transaction {
  /// Has the statements that follow find rows one by one, by index, and in its order where they ask for that.
  ///
  /// Queues are empty at one moment and long at the next, so what the server's statistics say of them is of another
  /// time: a plan that reads the whole table was the best when it was made, and is kept.
  @EventLoop
  func findByIndex() {
    send(
      """
      select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
        set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
        set_config('enable_sort', 'off', true)
      """
    )
  }

  /// Lines up a change of the rows of a queue that lie at certain places, after ``findByIndex()``.
  ///
  /// - Parameters:
  ///   - places: What finds the places: each row's `ctid` as `place`.
  ///   - change: Changes the rows that are ``isAtPlace``.
  /// - Returns: What the next statement can ask for what it returns by.
  @EventLoop
  @discardableResult
  func change(at places: Query, _ change: Query) -> Sent {
    find(places)
    let changed = send(change)
    findByIndexAgain()
    return changed
  }

  /// Whether a row lies at one of the places that were found.
  static let isAtPlace = "ctid = any (current_setting('latchkey.places')::tid[])"

  /// Finds places, and has the next statement use nothing else, and join by hash what it has found: else the server would
  /// read all of a tenant's queue, which it takes for next to nothing, and compare each row with each.
  private func find(_ places: Query) {
    send(
      """
      select set_config('latchkey.places', coalesce(array_agg(p.place), '{}')::text, true),
        set_config('enable_indexscan', 'off', true), set_config('enable_nestloop', 'off', true),
        set_config('enable_hashjoin', 'on', true)
      from (\(places)) p
      """
    )
  }

  private func findByIndexAgain() {
    send(
      """
      select set_config('enable_indexscan', 'on', true), set_config('enable_nestloop', 'on', true),
        set_config('enable_hashjoin', 'off', true)
      """
    )
  }
}
