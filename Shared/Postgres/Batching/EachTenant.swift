internal import EventLoop
public import Faults
public import Primitives

/// Does what a batch asks for, tenant by tenant and at the same time: a statement sees the rows of one tenant, and
/// what goes wrong for one is no concern of the others.
///
/// - Parameters:
///   - items: What is asked for.
///   - tenant: Whose each is.
///   - body: Answers all of one tenant; an item without an answer is left out.
/// - Returns: What became of each item.
@EventLoop
public func forEachTenant<Item: Hashable & Sendable, Value: Sendable>(
  _ items: [Item],
  _ tenant: (Item) -> Tenant,
  _ body: @escaping @EventLoop @Sendable (Tenant, [Item]) async throws(Fault) -> [Item: Value]
) async -> [Item: Result<Value, Fault>] {
  var groups: [Tenant: [Item]] = [:]
  for item in items { groups[tenant(item), default: []].append(item) }
  var answers: [Item: Result<Value, Fault>] = [:]
  answers.reserveCapacity(items.count)
  if groups.count == 1, let (tenant, items) = groups.first {
    answers.take(await outcome(tenant, items, body), of: items)
    return answers
  }
  await withTaskGroup(of: (([Item], Result<[Item: Value], Fault>)).self) { group in
    for (tenant, items) in groups {
      group.addTask { @EventLoop @Sendable in (items, await outcome(tenant, items, body)) }
    }
    for await (items, result) in group { answers.take(result, of: items) }
  }
  return answers
}

@EventLoop
private func outcome<Item, Value>(
  _ tenant: Tenant,
  _ items: [Item],
  _ body: @EventLoop @Sendable (Tenant, [Item]) async throws(Fault) -> [Item: Value]
) async -> Result<[Item: Value], Fault> {
  do throws(Fault) {
    return .success(try await body(tenant, items))
  } catch {
    return .failure(error)
  }
}

extension Dictionary {
  /// Takes over what became of one tenant's items.
  fileprivate mutating func take<Answer>(
    _ result: Result<[Key: Answer], Fault>,
    of items: [Key]
  ) where Value == Result<Answer, Fault> {
    switch result {
    case .success(let values): for (item, value) in values { self[item] = .success(value) }
    case .failure(let fault): for item in items { self[item] = .failure(fault) }
    }
  }
}
