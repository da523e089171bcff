internal import CUV
public import Faults
internal import Glibc

/// A process started by this one.
@EventLoop
public final class ChildProcess {
  /// How a process has ended.
  public struct Exit: Sendable, Equatable, CustomStringConvertible {
    /// The exit status; zero where a signal ended it.
    public var status: Int64
    /// The signal that ended it, or zero.
    public var signal: Int32
    /// Whether it ended by itself and with status zero.
    public var isSuccess: Bool { status == 0 && signal == 0 }
    /// One phrase for logs.
    public var description: String {
      signal != 0 ? "ended by signal \(signal)" : "exit status \(status)"
    }
  }

  /// What to start, and how.
  public struct Configuration: Sendable {
    /// The program's path; not searched for in `PATH`.
    public var program: String
    /// What the program is told that it was called; its path where nil.
    public var name: String?
    /// The arguments, without the program's name.
    public var arguments: [String]
    /// The whole environment, each entry `NAME=value`.
    public var environment: [String]
    /// The descriptors of this process that the child gets as its 0, 1, 2, and so on; nil means `/dev/null`.
    public var descriptors: [Int32?]
    /// The working directory; this process's own where nil.
    public var directory: String?
    /// The user and group to run as; this process's own where nil.
    public var user: (id: UInt32, group: UInt32)?
    /// Whether it gets a session of its own, so that a terminal's Ctrl-C does not reach it.
    public var isDetached: Bool

    /// Makes a configuration; output goes to this process's standard output and error.
    public init(
      program: String,
      name: String? = nil,
      arguments: [String] = [],
      environment: [String] = [],
      descriptors: [Int32?] = [nil, 1, 2],
      directory: String? = nil,
      user: (id: UInt32, group: UInt32)? = nil,
      isDetached: Bool = false
    ) {
      self.program = program
      self.name = name
      self.arguments = arguments
      self.environment = environment
      self.descriptors = descriptors
      self.directory = directory
      self.user = user
      self.isDetached = isDetached
    }
  }

  /// The process id.
  public private(set) var id: Int32 = 0
  /// How it has ended; nil while it runs.
  public private(set) var exit: Exit?
  private var handle: UnsafeMutablePointer<uv_process_t>?
  private var waiters: [CheckedContinuation<Exit, Never>] = []

  /// Starts a process.
  ///
  /// - Throws: ``Fault`` `unavailable` with a sentence that names the program and the cause.
  public init(_ configuration: Configuration) throws(Fault) {
    let handle = UnsafeMutablePointer<uv_process_t>.allocate(capacity: 1)
    let status = ChildProcess.spawn(configuration, handle)
    guard status == 0 else {
      // libuv wants even a process that did not start closed.
      uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) {
        $0?.deallocate()
      }
      throw .unavailable("Cannot start \(configuration.program): \(uvMessage(status))")
    }
    self.handle = handle
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    id = handle.pointee.pid
  }

  /// Sends a signal, such as `SIGTERM`; without effect once the process has ended.
  public func send(signal: Int32) {
    guard let handle, exit == nil else { return }
    uv_process_kill(handle, signal)
  }

  /// Waits for the end; answers at once when it has ended already.
  public func waitForExit() async -> Exit {
    if let exit { return exit }
    return await withCheckedContinuation { waiters.append($0) }
  }

  private func ended(_ exit: Exit) {
    self.exit = exit
    if let handle {
      self.handle = nil
      uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) {
        handle in
        guard let handle, let context = handle.pointee.data else { return }
        Unmanaged<ChildProcess>.fromOpaque(context).release()
        UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_process_t.self).deallocate()
      }
    }
    let waiters = waiters
    self.waiters = []
    for waiter in waiters { waiter.resume(returning: exit) }
  }

  private static func spawn(
    _ configuration: Configuration,
    _ handle: UnsafeMutablePointer<uv_process_t>
  ) -> Int32 {
    var stdio = configuration.descriptors.map { descriptor in
      var container = uv_stdio_container_t()
      if let descriptor {
        container.flags = UV_INHERIT_FD
        container.data.fd = descriptor
      } else {
        container.flags = UV_IGNORE
      }
      return container
    }
    let name = configuration.name ?? configuration.program
    var arguments = ([name] + configuration.arguments).map { strdup($0) } + [nil]
    var environment = configuration.environment.map { strdup($0) } + [nil]
    let directory = configuration.directory.map { strdup($0) } ?? nil
    let program = strdup(configuration.program)
    defer {
      for text in arguments + environment { free(text) }
      free(directory)
      free(program)
    }
    return stdio.withUnsafeMutableBufferPointer { stdio in
      arguments.withUnsafeMutableBufferPointer { arguments in
        environment.withUnsafeMutableBufferPointer { environment in
          var options = uv_process_options_t()
          options.file = UnsafePointer(program)
          options.args = arguments.baseAddress
          options.env = environment.baseAddress
          options.cwd = UnsafePointer(directory)
          options.stdio = stdio.baseAddress
          options.stdio_count = Int32(stdio.count)
          var flags: UInt32 = 0
          if configuration.isDetached { flags |= UV_PROCESS_DETACHED.rawValue }
          if let user = configuration.user {
            options.uid = user.id
            options.gid = user.group
            flags |= UV_PROCESS_SETUID.rawValue | UV_PROCESS_SETGID.rawValue
          }
          options.flags = flags
          options.exit_cb = { process, status, signal in
            guard let context = process?.pointee.data else { return }
            let child = Unmanaged<ChildProcess>.fromOpaque(context).takeUnretainedValue()
            EventLoop.assumeIsolated { child.ended(Exit(status: status, signal: signal)) }
          }
          return uv_spawn(EventLoop.reactor.loop, handle, &options)
        }
      }
    }
  }
}
