internal import Protobuf
internal import Transcoding

/// A request's target, taken apart: the path, and the query behind the first `?`.
///
/// Source: RFC 9112, section 3.2.1 (origin form).
struct RequestTarget {
  /// The most pairs that a query may have; the longest list a contract takes has 100 items.
  static let queryPairsMax = 200

  private let bytes: [UInt8]
  private let pathEnd: Int

  /// Takes the target as it came.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    pathEnd = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
  }

  /// The path, still encoded.
  var path: ArraySlice<UInt8> { bytes[..<pathEnd] }

  /// The values that a route takes from the path and the query, decoded; names that the contract does not
  /// know are ignored.
  ///
  /// - Parameters:
  ///   - plan: What the route's request consists of.
  ///   - pathFields: The fields that the path fills, in the template's order.
  ///   - ranges: Where the path's values lie, in the same order.
  /// - Returns: The values, those of the path first.
  func parameters(
    _ plan: RequestPlan,
    pathFields: [Int],
    ranges: [Range<Int>]
  ) -> [RequestParameter] {
    var parameters: [RequestParameter] = []
    for (field, range) in zip(pathFields, ranges) {
      parameters.append(
        RequestParameter(field: field, value: PercentEncoding.decode(bytes[range]))
      )
    }
    guard pathEnd < bytes.count else { return parameters }
    let query = bytes[(pathEnd + 1)...]
    for pair in query.split(separator: UInt8(ascii: "&"), maxSplits: Self.queryPairsMax)
      .prefix(Self.queryPairsMax)
    {
      let nameEnd = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      guard let name = PercentEncoding.decode(pair[..<nameEnd], plusIsSpace: true),
        let field = plan.queryField(named: name)
      else { continue }
      let value = pair[nameEnd...].dropFirst()
      parameters.append(
        RequestParameter(field: field, value: PercentEncoding.decode(value, plusIsSpace: true))
      )
    }
    return parameters
  }
}
