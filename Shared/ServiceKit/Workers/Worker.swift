/// Which one of several processes this is that share a service's work, and what its parent has handed to it.
struct Worker: Sendable {
  /// Counted from 1.
  let number: Int
  /// The sockets that it serves.
  let listeners: InheritedListeners

  /// The most workers of one service: far more than a machine of ours has cores.
  static let countMax = 64

  /// What the parent sets, and nobody else.
  enum Names {
    static let number = "LATCHKEY_WORKER"
    static let listeners = "LATCHKEY_LISTENERS"
  }

  /// Reads the settings that a parent has made; nil where there is no parent, or one was refused.
  init?(_ reader: SettingsReader) {
    let number = reader.integer(
      Names.number,
      "which worker this process is: its parent says so",
      isOptional: true,
      in: 1...Worker.countMax
    )
    let setting = Setting(
      Names.listeners,
      "HOST:PORT=FD,...",
      "descriptors of the sockets that this worker was handed by its parent",
      expected: "a list such as 127.0.0.1:8444=4, separated by commas",
      without: .nothing
    )
    let listeners = reader.value(setting) { InheritedListeners($0) }
    for (one, other) in [(Names.number, Names.listeners), (Names.listeners, Names.number)]
    where reader.isGiven(one) && !reader.isGiven(other) {
      reader.refuse(other, "is not set, as it must be where \(one) is")
    }
    guard let number, let listeners else { return nil }
    self.number = number
    self.listeners = listeners
  }
}
