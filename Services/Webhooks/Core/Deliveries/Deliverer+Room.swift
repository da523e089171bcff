internal import EventLoop
internal import Primitives

/// How much of what waits in the database is in memory.
extension Deliverer {
  /// How many deliveries are in memory, claimed and not yet written.
  static let heldMax = 4_096
  /// One in so many of the places that are free is what a webhook may take: however many receivers hang, there is a
  /// place left for the next.
  private static let share = 4
  /// How many places are kept for one batch: twice what its events are for one webhook, so that several batches beside each
  /// other find as many.
  private static let promiseMax = 1_024
  /// One in so many of the free places is what a webhook may fill that is not known to answer fast: hundreds may hang at a
  /// time, each with fewer than the one before, until there is no place for the next.
  private static let unprovenShare = 128
  /// How long dispatching waits for webhooks that send, in how many parts: of which nothing ends in one of them is not
  /// waited for any more.
  private static let roomPart = Duration.milliseconds(50)
  private static let roomPartsMax = 3
  /// How often it looks whether there is room.
  private static let roomInterval = Duration.milliseconds(5)

  /// Places that are neither taken nor kept.
  var freeCount: Int { max(0, Self.heldMax - heldCount - promisedCount) }

  /// How many more places one webhook may take now.
  var shareOfFree: Int { freeCount / Self.share }

  /// How many deliveries of a webhook are taken at once; what is beyond waits in the database.
  ///
  /// - Parameters:
  ///   - endpoint: The webhook.
  ///   - places: Those that ``promisePlaces()`` has kept, for all webhooks.
  /// - Returns: How many of them may be the webhook's.
  func room(for endpoint: UUID, of places: Int) -> Int {
    guard !isStopping else { return 0 }
    // Half of those that were kept: no more than a quarter of what was free.
    let share = places * 2 / Self.share
    return min(share, room(of: lanes[endpoint], at: Instant.now))
  }

  /// How many more deliveries a lane takes; nil is one that is not there yet.
  func room(of lane: DeliveryLane?, at now: Instant) -> Int {
    let room = lane?.room(at: now) ?? DeliveryLane.slowMax
    if let lane, lane.capacity(at: now) > DeliveryLane.slowMax { return room }
    let most = max(1, (Self.heldMax - heldCount) / Self.unprovenShare)
    return min(room, max(0, most - (lane?.waitingCount ?? 0)))
  }

  /// Keeps places for deliveries that are being dispatched, until ``giveBack(_:)``: no more than half of those that are
  /// free, so that who comes beside it finds some too.
  func promisePlaces() -> Int {
    let places = promisable
    promisedCount += places
    return places
  }

  private var promisable: Int { min(freeCount / 2, Self.promiseMax) }

  /// Frees places that were kept: what they were kept for is in memory by now, or will not be.
  func giveBack(_ places: Int) { promisedCount -= places }

  /// Waits until webhooks have room for so many deliveries again, so that dispatching does not run ahead of sending: what is
  /// handed over is written once, and everything else is claimed later by an update, and its event read again.
  ///
  /// Nobody is waited for who is left alone, is too slow ever to have so much room, or has nothing come to its end; nor
  /// anybody for longer than 150 ms, since the feed and other webhooks of the tenant wait as well.
  func waitForRoom(for endpoints: [UUID], of count: Int) async {
    var full = endpoints.compactMap { lanes[$0] }
    for _ in 0..<Self.roomPartsMax {
      let endedBefore = full.map(\.endedCount)
      let end = Instant.now + Self.roomPart
      while true {
        let isFull = full.map { isShort($0, of: count) }
        guard isFull.contains(true), !isStopping, Instant.now < end else { break }
        await EventLoop.sleep(for: Self.roomInterval)
      }
      full = zip(full, endedBefore).compactMap { lane, before in
        lane.endedCount > before && isShort(lane, of: count) ? lane : nil
      }
      if full.isEmpty || isStopping { return }
    }
  }

  /// Whether a lane will have room for so many, but has not yet.
  private func isShort(_ lane: DeliveryLane, of count: Int) -> Bool {
    let now = Instant.now
    guard !lane.isPutOff(at: now), lane.capacity(at: now) >= count else { return false }
    return room(for: lane.endpointID, of: promisable) < count
  }
}
