public import EventLoop
public import Metrics

/// What is counted of the batches of one kind; kept by name, since a process makes each kind of batch in one place.
@EventLoop
public final class BatchCounts {
  private static var all: [String: BatchCounts] = [:]

  private var sizes = Histogram(.counts)
  private var refusedCount = 0
  private var waitingCount = 0

  private init() {}

  /// Those of a name.
  @usableFromInline static func named(_ name: String) -> BatchCounts {
    if let known = all[name] { return known }
    let made = BatchCounts()
    all[name] = made
    return made
  }

  @usableFromInline func waits(_ count: Int) { waitingCount += count }

  @usableFromInline func refuse() { refusedCount += 1 }

  @usableFromInline func begin(keyCount: Int) { sizes.note(Int64(keyCount)) }

  private static let sizes = Metric(
    "latchkey_postgres_batch_keys",
    .histogram,
    "Keys that one query has asked for together, by kind of batch."
  )
  private static let waiting = Metric(
    "latchkey_postgres_batch_waiting",
    .gauge,
    "Questions that wait for a query to begin, by kind of batch."
  )
  private static let refused = Metric(
    "latchkey_postgres_batch_refused_total",
    .counter,
    "Questions that were refused since too many waited, by kind of batch."
  )

  /// Tells of every kind of batch of the process.
  public static func collect(into exposition: inout Exposition) {
    for (name, counts) in all.sorted(by: { $0.key < $1.key }) {
      exposition.add(Self.sizes, ["batch": name], counts.sizes)
      exposition.add(Self.waiting, ["batch": name], counts.waitingCount)
      exposition.add(Self.refused, ["batch": name], counts.refusedCount)
    }
  }
}
