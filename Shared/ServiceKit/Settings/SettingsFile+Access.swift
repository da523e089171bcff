internal import Glibc

extension SettingsFile {
  /// Whether this process can read a regular file now.
  static func isReadable(_ path: String) -> Bool { isReadable(path, S_IFREG) }

  /// Whether this process can look into a folder now.
  static func isReadableFolder(_ path: String) -> Bool { isReadable(path, S_IFDIR) }

  /// Whether users that are neither the owner nor of the group can do anything with a file; a secret in it is none.
  static func isOpenToOthers(_ path: String) -> Bool { mode(path).map { $0 & 0o007 != 0 } ?? false }

  /// Whether such users can change a file, and so what this process does.
  static func isWritableByOthers(_ path: String) -> Bool {
    mode(path).map { $0 & S_IFMT == S_IFREG && $0 & 0o002 != 0 } ?? false
  }

  private static func isReadable(_ path: String, _ kind: mode_t) -> Bool {
    mode(path).map { $0 & S_IFMT == kind } == true && access(path, R_OK) == 0
  }

  private static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode : nil
  }
}
