import CDescriptors
import CProtobufC
import Glibc

extension DescriptorSet {
  /// Files of others that exist for our options alone.
  static let optionFiles = ["google/protobuf/descriptor.proto", "latchkey/options.proto"]

  /// Removes our options, the imports that bring them, and comments, so that the file stands for itself:
  /// protoc-c and clients of server reflection need nothing of `latchkey/options.proto`.
  static func strip(_ file: UnsafeMutablePointer<File>) {
    var kept = 0
    for index in 0..<file.pointee.n_dependency {
      guard let dependency = file.pointee.dependency[index] else { continue }
      if optionFiles.contains(String(cString: dependency)) {
        free(dependency)
      } else {
        file.pointee.dependency[kept] = dependency
        kept += 1
      }
    }
    file.pointee.n_dependency = kept
    if let comments = file.pointee.source_code_info {
      google__protobuf__source_code_info__free_unpacked(comments, nil)
      file.pointee.source_code_info = nil
    }
    strip(&file.pointee.options)
    for message in pointers(file.pointee.message_type, file.pointee.n_message_type) {
      strip(message)
    }
    for enumeration in pointers(file.pointee.enum_type, file.pointee.n_enum_type) {
      strip(enumeration)
    }
    for service in pointers(file.pointee.service, file.pointee.n_service) {
      strip(&service.pointee.options)
      for method in pointers(service.pointee.method, service.pointee.n_method) {
        strip(&method.pointee.options)
      }
    }
  }

  private static func strip(_ message: UnsafeMutablePointer<Google__Protobuf__DescriptorProto>) {
    strip(&message.pointee.options)
    for field in pointers(message.pointee.field, message.pointee.n_field) {
      strip(&field.pointee.options)
    }
    for nested in pointers(message.pointee.nested_type, message.pointee.n_nested_type) {
      strip(nested)
    }
    for enumeration in pointers(message.pointee.enum_type, message.pointee.n_enum_type) {
      strip(enumeration)
    }
  }

  private static func strip(
    _ enumeration: UnsafeMutablePointer<Google__Protobuf__EnumDescriptorProto>
  ) {
    for value in pointers(enumeration.pointee.value, enumeration.pointee.n_value) {
      strip(&value.pointee.options)
    }
  }

  /// Drops unknown fields, which our options are, and an options message that has nothing else.
  private static func strip<Options>(_ options: inout UnsafeMutablePointer<Options>?) {
    guard let present = options else { return }
    let base = UnsafeMutableRawPointer(present).assumingMemoryBound(to: ProtobufCMessage.self)
    let unknown = UnsafeBufferPointer(
      start: base.pointee.unknown_fields,
      count: Int(base.pointee.n_unknown_fields)
    )
    for field in unknown { free(field.data) }
    base.pointee.n_unknown_fields = 0
    if protobuf_c_message_get_packed_size(base) == 0 {
      protobuf_c_message_free_unpacked(base, nil)
      options = nil
    }
  }
}
