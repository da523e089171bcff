internal import Faults
internal import Primitives

/// Where an API key may be used from: everywhere, or the address ranges named.
struct AllowedAddresses: Equatable, Sendable {
  /// Everywhere.
  static let everywhere = AllowedAddresses(ranges: [])

  /// None means everywhere.
  private let ranges: [AddressRange]

  private init(ranges: [AddressRange]) { self.ranges = ranges }

  /// Reads the ranges that a request names; one that is named twice is kept once.
  ///
  /// - Throws: ``Fault`` `invalidArgument` that names each text that is no range.
  init(requested texts: [String]) throws(Fault) {
    var ranges: [AddressRange] = []
    var issues: [Fault.Issue] = []
    for (index, text) in texts.enumerated() {
      do throws(AddressRange.Refusal) {
        let range = try AddressRange(text)
        if !ranges.contains(range) { ranges.append(range) }
      } catch {
        issues.append(
          Fault.Issue(
            path: ["allowedAddresses", String(index)],
            message: error.message,
            code: "invalid_string"
          )
        )
      }
    }
    guard issues.isEmpty else { throw .invalid(issues) }
    self.ranges = ranges
  }

  /// Reads the ranges that the database keeps.
  init(stored texts: [String]) throws(Fault) {
    do throws(Fault) {
      try self.init(requested: texts)
    } catch {
      throw .internalError("The address ranges of an API key cannot be read", cause: error)
    }
  }

  /// The ranges as texts; none for everywhere.
  var texts: [String] { ranges.map(\.description) }

  /// Makes sure that a caller hands on no place that it cannot be used from itself.
  ///
  /// - Throws: ``Fault`` `permissionDenied`.
  func require(within caller: AllowedAddresses) throws(Fault) {
    guard caller != .everywhere else { return }
    let isWithin = ranges.allSatisfy { range in
      caller.ranges.contains { $0.contains(range) }
    }
    guard isWithin, self != .everywhere else {
      throw .forbidden(
        "An API key can allow only addresses that it may be used from itself: "
          + caller.texts.joined(separator: ", ")
      )
    }
  }
}
