internal import EventLoop
internal import Postgres

extension Transaction {
  /// Has the statements that follow find rows one by one, by index.
  ///
  /// Queues are empty at one moment and long at the next, so what the server's statistics say of them is of another
  /// time: a plan that reads the whole table was the best when it was made, and is kept.
  @EventLoop
  func findByIndex() {
    send(
      """
      select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
        set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
      """
    )
  }

  /// Has the statements that follow join by hash what they have found, after ``findByIndex()``.
  ///
  /// Each row of a batch would else be compared with each. Rows of tables are found by index as before.
  @EventLoop
  func joinByHash() {
    send(
      """
      select set_config('enable_hashjoin', 'on', true), set_config('enable_nestloop', 'off', true)
      """
    )
  }
}
