internal import Faults
internal import Glibc
internal import ServiceKit

/// The few things the command does with files: all private to their owner, all or nothing.
enum Files {
  /// A path from the root, without a slash at the end.
  ///
  /// - Parameters:
  ///   - path: As a user gave it.
  ///   - currentDirectory: What it is relative to, unless it begins with a slash.
  /// - Returns: The same path, also without steps that stay where they are.
  static func absolute(_ path: String, in currentDirectory: String) -> String {
    let whole = path.hasPrefix("/") ? path : "\(currentDirectory)/\(path)"
    return "/" + whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  /// The folder that this process works in.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when there is none any more.
  static func currentDirectory() throws(Fault) -> String {
    guard let current = getcwd(nil, 0) else { throw fault("Cannot tell the current folder", errno) }
    defer { free(current) }
    return String(cString: current)
  }

  /// Makes a folder with its parents; only the last one is private.
  static func makeDirectories(_ path: String) throws(Fault) {
    var sofar = ""
    for part in path.split(separator: "/").dropLast() {
      sofar += "/\(part)"
      guard mkdir(sofar, 0o755) == 0 || errno == EEXIST else {
        throw fault("Cannot make the folder \(sofar)", errno)
      }
    }
    try makeDirectory(path)
  }

  /// Makes one folder that its owner alone can enter; it may be there already.
  static func makeDirectory(_ path: String) throws(Fault) {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw fault("Cannot make the folder \(path)", errno)
    }
    try makePrivate(path)
  }

  /// Shuts out everybody but the owner.
  static func makePrivate(_ directory: String) throws(Fault) {
    guard chmod(directory, 0o700) == 0 else {
      throw fault("Cannot set the rights of \(directory)", errno)
    }
  }

  /// Gives a file or folder to another user; without effect when it is that user's already.
  static func give(_ path: String, to user: DatabaseUser) throws(Fault) {
    guard chown(path, user.id, user.group) == 0 else {
      throw fault("Cannot give \(path) to the user \(user.name)", errno)
    }
  }

  /// Replaces a file as a whole, readable by its owner alone: after a crash it has the old content or
  /// the new.
  static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws(Fault) {
    let temporary = "\(path).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw fault("Cannot write \(path)", errno) }
    var written = 0
    var status: Int32 = 0
    while written < bytes.count && status == 0 {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count > 0 { written += count } else if errno != EINTR { status = errno }
    }
    if status == 0 && fsync(descriptor) != 0 { status = errno }
    close(descriptor)
    if status == 0 && rename(temporary, path) != 0 { status = errno }
    guard status == 0 else {
      unlink(temporary)
      throw fault("Cannot write \(path)", status)
    }
  }

  /// Replaces a file with bytes.
  static func write(_ bytes: [UInt8], to path: String) throws(Fault) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(Fault) in
      try write(UnsafeRawBufferPointer(bytes), to: path)
    }
  }

  /// Replaces a file with a text.
  static func write(_ text: String, to path: String) throws(Fault) {
    try write(Array(text.utf8), to: path)
  }

  /// Reads a text file.
  static func read(_ path: String) throws(Fault) -> String {
    String(decoding: try SettingsFile.read(path), as: UTF8.self)
  }

  /// Gives a file another name, where there is one.
  static func move(_ path: String, to other: String) throws(Fault) {
    guard rename(path, other) != 0, errno != ENOENT else { return }
    throw fault("\(path) cannot be renamed to \(other)", errno)
  }

  /// Whether there is something.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The names in a folder.
  static func entries(of path: String) throws(Fault) -> [String] {
    guard let directory = opendir(path) else { throw fault("Cannot look into \(path)", errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a folder with all that is in it, without following links.
  static func removeTree(_ path: String) throws(Fault) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in try entries(of: path) { try removeTree("\(path)/\(name)") }
      guard rmdir(path) == 0 else { throw fault("Cannot remove \(path)", errno) }
    } else {
      guard unlink(path) == 0 else { throw fault("Cannot remove \(path)", errno) }
    }
  }

  /// One sentence about a call that failed.
  static func fault(_ sentence: String, _ code: Int32) -> Fault {
    Fault(.failedPrecondition, "\(sentence): \(String(cString: strerror(code)).lowercased())")
  }
}
