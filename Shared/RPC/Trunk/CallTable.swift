internal import EventLoop

/// A call of one side that has an id on a trunk.
@EventLoop
protocol TrunkPassenger: AnyObject {
  /// Its id.
  var trunkID: UInt64 { get }
  /// When it must be over.
  var deadline: Instant { get }
  /// The deadline has passed; the call leaves the table.
  func deadlinePassed()
}

/// The calls under way on a trunk, each at its place, and one timer for all their deadlines.
@EventLoop
final class CallTable<Passenger: TrunkPassenger> {
  /// Calls at a time: as many as streams on a connection between services.
  static var placeCount: Int { 1024 }

  private var places: [Passenger?] = []
  private(set) var count = 0
  private var timer: LoopTimer?
  /// When the timer fires; the first deadline of all, or an earlier one that was met.
  private var armed = Instant(nanoseconds: .max)

  nonisolated init() {}

  /// The call with an id; nil where it is over.
  func find(_ id: UInt64) -> Passenger? {
    let place = Self.place(of: id)
    guard place < places.count, let passenger = places[place], passenger.trunkID == id else {
      return nil
    }
    return passenger
  }

  /// Whether a call can begin with this id.
  func isFree(_ id: UInt64) -> Bool {
    let place = Self.place(of: id)
    return place >= places.count || places[place] == nil
  }

  /// Adds a call at its place, which must be free.
  func add(_ passenger: Passenger) {
    let place = Self.place(of: passenger.trunkID)
    // Most trunks never have many at once.
    while place >= places.count { places.append(nil) }
    places[place] = passenger
    count += 1
    if passenger.deadline < armed { arm(at: passenger.deadline) }
  }

  /// Removes a call that is over; false where it was removed before.
  func remove(_ id: UInt64) -> Bool {
    guard find(id) != nil else { return false }
    places[Self.place(of: id)] = nil
    count -= 1
    return true
  }

  /// Removes all calls.
  func removeAll() -> [Passenger] {
    timer?.cancel()
    timer = nil
    armed = Instant(nanoseconds: .max)
    let all = places.compactMap { $0 }
    places = []
    count = 0
    return all
  }

  private static func place(of id: UInt64) -> Int { Int(id & UInt64(placeCount - 1)) }

  private func arm(at deadline: Instant) {
    armed = deadline
    let timer = self.timer ?? LoopTimer { [weak self] in self?.sweep() }
    self.timer = timer
    timer.start(at: deadline)
  }

  /// Ends what is due, and waits for what is due next.
  private func sweep() {
    let now = Instant.now
    armed = Instant(nanoseconds: .max)
    for passenger in places.compactMap({ $0 }) where passenger.deadline <= now {
      passenger.deadlinePassed()
    }
    let next = places.lazy.compactMap { $0?.deadline }.min()
    // What was begun meanwhile may have armed it already.
    if let next, next < armed { arm(at: next) }
  }
}
