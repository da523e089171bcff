internal import Changes
internal import EventLoop
internal import Postgres
internal import Primitives

extension LicenseStore {
  /// Takes away what a deleted license leaves behind: its machines, the stored key, the hash that leads to it,
  /// and what it is found by in its metadata.
  ///
  /// Machines keep their rows, as the license does.
  @EventLoop
  func delete(partsOf id: UUID, _ change: Change) {
    change.transaction.send(
      """
      update licenses.machines set deleted_at = \(change.now), updated_at = \(change.now)
      where license_id = \(id) and deleted_at is null
      """
    )
    change.transaction.send("update licenses.licenses set sealed_key = null where id = \(id)")
    change.transaction.send("delete from licenses.license_metadata where license_id = \(id)")
    change.transaction.send("delete from licenses.license_key_hashes where license_id = \(id)")
  }
}
