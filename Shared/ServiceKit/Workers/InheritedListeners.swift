internal import EventLoop
internal import Faults

/// Sockets that a worker was started with, by the endpoint that it would else have listened on itself.
///
/// Written `HOST:PORT=DESCRIPTOR`, separated by commas.
struct InheritedListeners: Sendable, Equatable, CustomStringConvertible {
  /// Descriptors below are standard input, output and error; those above are no process's of ours.
  private static let bounds: ClosedRange<Int32> = 3...1023

  private var descriptors: [Endpoint: Int32] = [:]

  /// No socket.
  init() {}

  /// Reads what ``description`` writes; nil for anything else.
  init?(_ text: String) {
    for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let equals = entry.lastIndex(of: "="),
        let endpoint = Endpoint(String(entry[..<equals])),
        let descriptor = Int32(entry[entry.index(after: equals)...]),
        Self.bounds.contains(descriptor), descriptors[endpoint] == nil,
        !descriptors.values.contains(descriptor)
      else { return nil }
      descriptors[endpoint] = descriptor
    }
  }

  /// The descriptor of a socket.
  subscript(endpoint: Endpoint) -> Int32? {
    get { descriptors[endpoint] }
    set { descriptors[endpoint] = newValue }
  }

  /// The form that ``init(_:)`` reads.
  var description: String {
    descriptors.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",")
  }

  /// The listener of an endpoint.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the parent has none there, as after a change of settings.
  @EventLoop
  func listener(on endpoint: Endpoint) throws(Fault) -> Listener {
    guard let descriptor = descriptors[endpoint] else {
      throw Fault(
        .failedPrecondition,
        "The parent of this worker does not listen on \(endpoint); restart the service"
      )
    }
    return try Listener(inherited: descriptor)
  }
}
