/// A contract file as server reflection serves it.
public struct FileDescriptor: Sendable {
  /// The path as imports name it, such as `latchkey/rpc/rpc.proto`.
  public let name: String
  /// The files it imports, by name.
  public let imports: [String]
  /// The full names of all that it declares: messages, enums, services and methods.
  public let symbols: [String]
  /// The encoded `google.protobuf.FileDescriptorProto`, without our own options.
  public let bytes: [UInt8]

  /// Makes a descriptor.
  ///
  /// - Parameters:
  ///   - name: The path as imports name it.
  ///   - imports: The files it imports, by name.
  ///   - symbols: The full names of all that it declares.
  ///   - bytes: The encoded file, a constant of the generated C code.
  ///   - count: How many bytes there are.
  public init(
    _ name: String,
    imports: [String],
    symbols: [String],
    bytes: UnsafePointer<UInt8>,
    count: Int
  ) {
    self.name = name
    self.imports = imports
    self.symbols = symbols
    self.bytes = Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}

extension [FileDescriptor] {
  /// The file with this name and all that it needs, each once; empty when there is no such file.
  public func closure(of name: String) -> [FileDescriptor] {
    var found: [FileDescriptor] = []
    var pending = [name]
    while let name = pending.popLast() {
      guard !found.contains(where: { $0.name == name }),
        let file = first(where: { $0.name == name })
      else { continue }
      found.append(file)
      pending += file.imports
    }
    return found
  }
}
