private import CSodium

/// libsodium's one-time set-up, without which its random numbers and locked memory do not work.
enum Sodium {
  /// Evaluated once, by whichever call comes first; libsodium makes no demands on the thread.
  private static let isReady: Bool = sodium_init() >= 0  // 0 done now, 1 done before, -1 failed

  /// Makes sure that libsodium is ready.
  ///
  /// It fails only where the kernel has no random source, and
  /// there nothing may go on.
  static func prepare() {
    precondition(isReady, "libsodium could not be initialized")
  }
}
