import CDescriptors
import CProtobufC

/// The files that protoc understood, as protobuf-c unpacks them.
final class DescriptorSet {
  typealias File = Google__Protobuf__FileDescriptorProto

  private let set: UnsafeMutablePointer<Google__Protobuf__FileDescriptorSet>

  /// Unpacks what `protoc --descriptor_set_out --include_imports --include_source_info` wrote.
  init(_ bytes: [UInt8]) throws(Failure) {
    guard let set = google__protobuf__file_descriptor_set__unpack(nil, bytes.count, bytes) else {
      throw Failure("the descriptor set cannot be read")
    }
    self.set = set
  }

  deinit {
    google__protobuf__file_descriptor_set__free_unpacked(set, nil)
  }

  /// The files, each after the files it imports.
  var files: [UnsafeMutablePointer<File>] {
    pointers(set.pointee.file, set.pointee.n_file)
  }

  /// The files that are contracts, not what our options are made of.
  var contractFiles: [UnsafeMutablePointer<File>] {
    files.filter { !Self.optionFiles.contains(text($0.pointee.name)) }
  }

  /// Encodes a set of some of the files, without services: what protoc-c is given, which would make C code of
  /// services that nobody calls.
  static func encodeWithoutServices(_ files: [UnsafeMutablePointer<File>]) -> [UInt8] {
    let counts = files.map(\.pointee.n_service)
    for file in files { file.pointee.n_service = 0 }
    defer { for (file, count) in zip(files, counts) { file.pointee.n_service = count } }
    var items: [UnsafeMutablePointer<File>?] = files
    return items.withUnsafeMutableBufferPointer { items in
      var set = Google__Protobuf__FileDescriptorSet()
      google__protobuf__file_descriptor_set__init(&set)
      set.n_file = items.count
      set.file = items.baseAddress
      return withUnsafePointer(to: &set) { pack($0) }
    }
  }
}

/// Encodes a message of any generated type.
func pack<Structure>(_ message: UnsafePointer<Structure>) -> [UInt8] {
  let base = UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
  let size = protobuf_c_message_get_packed_size(base)
  return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    if let start = buffer.baseAddress { count = protobuf_c_message_pack(base, start) }
  }
}

/// The items of a repeated message field.
func pointers<Structure>(
  _ items: UnsafeMutablePointer<UnsafeMutablePointer<Structure>?>?,
  _ count: Int
) -> [UnsafeMutablePointer<Structure>] {
  UnsafeBufferPointer(start: items, count: items == nil ? 0 : count).compactMap { $0 }
}

/// The items of a repeated string field.
func texts(_ items: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
  pointers(items, count).map { String(cString: $0) }
}

/// A string field; empty when absent.
func text(_ field: UnsafePointer<CChar>?) -> String {
  field.map { String(cString: $0) } ?? ""
}
