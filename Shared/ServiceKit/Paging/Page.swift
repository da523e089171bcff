public import Faults
public import Messages
public import Primitives

/// Which part of a list a caller asks for: up to `limit` items after the one that `cursor` names.
///
/// Lists are ordered by id, newest first: ids are UUIDv7 of the moment of creation, so this is the order of
/// (createdAt, id) too, and a cursor needs no look-up to be continued from.
public struct Page: Equatable, Sendable {
  /// How many items a page holds unless the caller says.
  public static let defaultLimit: Int32 = 25

  /// The last item of the page before; nil for the first page.
  public var cursor: UUID?
  /// How many items the page holds at most.
  public var limit: Int32

  /// Makes a page from a request's fields, whose limits the contract has checked.
  public init(cursor: String?, limit: Int32?) throws(Fault) {
    self.cursor = nil
    if let cursor { self.cursor = try UUID(checked: cursor) }
    self.limit = limit ?? Self.defaultLimit
  }

  /// The id that every item must be below.
  public var below: UUID { cursor ?? UUID(high: .max, low: .max) }

  /// How many rows to read: one more than fit tells whether another page follows.
  public var rows: Int32 { limit + 1 }

  /// Cuts the rows read down to the page and says where the next one begins.
  public func cut<Item>(_ rows: [Item], id: (Item) -> String) -> ([Item], Pagination) {
    let hasMore = rows.count > Int(limit)
    let items = Array(rows.prefix(Int(limit)))
    let cursor = hasMore ? items.last.map(id) : nil
    return (items, Pagination(nextCursor: cursor, hasMore: hasMore))
  }
}

extension UUID {
  /// Reads an id from a field that the contract says is one, so that it has been checked already.
  public init(checked text: String) throws(Fault) {
    guard let id = UUID(text) else {
      throw .internalError("A field that the contract checks to be a UUID is none")
    }
    self = id
  }
}
