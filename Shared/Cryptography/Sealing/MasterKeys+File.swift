public import Faults
private import Glibc

extension MasterKeys {
  /// Reads master keys from a file.
  ///
  /// The file must be regular, owned by the user of this process or by root, and closed to everybody
  /// else (mode 0600 or 0400): an open one stops the start, since it may have been read already.
  /// Reads the disk, so call it at start and not on the event loop.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` that says what is wrong with the file; its content is
  ///   never in the text.
  public static func load(path: String) throws(Fault) -> MasterKeys {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw fault(path, "cannot be opened", errno) }
    defer { close(descriptor) }
    let size = Int(try checkedStatus(of: descriptor, path: path).st_size)

    var received = 0
    let text = SecretBytes(count: size) { memory in
      while received < size {
        let part = UnsafeMutableRawBufferPointer(rebasing: memory[received...])
        let count = read(descriptor, part.baseAddress, part.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        received += count
      }
    }
    guard received == size else { throw fault(path, "changed while it was read") }
    return try text.withUnsafeBytes { (text) throws(Fault) in
      try MasterKeys(text: text, source: path)
    }
  }

  /// Checks the opened file itself, so that it cannot be another one than the one that is read.
  private static func checkedStatus(of descriptor: Int32, path: String) throws(Fault) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw fault(path, "cannot be examined", errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw fault(path, "is not a regular file") }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw fault(path, "belongs to another user")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw fault(path, "is open to other users; its mode must be 0600 or 0400")
    }
    guard (1...off_t(textBytesMax)).contains(status.st_size) else {
      throw fault(path, "is empty or larger than \(textBytesMax) bytes")
    }
    return status
  }

  /// Makes a new file with version 1, mode 0600.
  ///
  /// The file appears whole or not at all, is on the disk when this returns, and never takes the
  /// place of another: an overwritten master key is the loss of every secret it wraps.
  ///
  /// - Returns: The keys that were written.
  /// - Throws: ``Fault`` `alreadyExists` when the path is taken; `failedPrecondition` when the folder
  ///   cannot be written.
  @discardableResult
  public static func generate(path: String) throws(Fault) -> MasterKeys {
    let keys = MasterKeys.random()
    let draft = "\(path).\(getpid()).new"
    try write(keys.text(), to: draft)
    defer { unlink(draft) }
    // A hard link refuses an existing name, which renaming would replace.
    guard link(draft, path) == 0 else {
      guard errno != EEXIST else {
        throw Fault(.alreadyExists, "Master key file \(path) exists already; it was left alone")
      }
      throw fault(path, "cannot be created", errno)
    }
    try synchronizeFolder(of: path)
    return keys
  }

  /// Puts these keys in the place of a file's.
  ///
  /// After a crash the file has the old keys or the new ones, whole; owner and mode stay. One process at a time may do
  /// this to a file.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the file is not fit to hold keys (see ``load(path:)``) or cannot be
  ///   replaced.
  public func replace(path: String) throws(Fault) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Self.fault(path, "cannot be opened", errno) }
    defer { close(descriptor) }
    let status = try Self.checkedStatus(of: descriptor, path: path)
    let draft = "\(path).new"
    // What a crash has left of an earlier attempt.
    unlink(draft)
    try Self.write(text(), to: draft, like: status)
    guard rename(draft, path) == 0 else {
      let code = errno
      unlink(draft)
      throw Self.fault(path, "cannot be replaced", code)
    }
    try Self.synchronizeFolder(of: path)
  }

  /// Writes a new file with mode 0600, or with mode and owner of another.
  private static func write(
    _ text: SecretBytes,
    to path: String,
    like model: stat? = nil
  ) throws(Fault) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw fault(path, "cannot be created", errno) }
    defer { close(descriptor) }
    if let model,
      fchown(descriptor, model.st_uid, model.st_gid) != 0
        || fchmod(descriptor, model.st_mode & 0o777) != 0
    {
      let code = errno
      unlink(path)
      throw fault(path, "cannot be given the owner and mode of the file before", code)
    }
    let failure: Int32? = text.withUnsafeBytes { bytes in
      var written = 0
      while written < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return errno }
        written += count
      }
      return fsync(descriptor) == 0 ? nil : errno
    }
    guard let failure else { return }
    unlink(path)
    throw fault(path, "cannot be written", failure)
  }

  /// Makes the new name itself durable.
  private static func synchronizeFolder(of path: String) throws(Fault) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw fault(folder, "cannot be opened", errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw fault(folder, "cannot be synchronized", errno) }
  }

  private static func fault(_ path: String, _ problem: String, _ code: Int32? = nil) -> Fault {
    let reason = code.map { ": " + String(cString: strerror($0)) } ?? ""
    return Fault(.failedPrecondition, "Master key file \(path) \(problem)\(reason)")
  }
}
