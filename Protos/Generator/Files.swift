import Glibc

/// Reads a whole file.
func readFile(_ path: String) throws(Failure) -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw Failure("\(path): cannot be read") }
  defer { fclose(file) }
  var content: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    content.append(contentsOf: buffer[..<count])
  }
  guard ferror(file) == 0 else { throw Failure("\(path): cannot be read") }
  return content
}

/// Replaces a file; its folder must be there.
func writeFile(_ path: String, _ content: [UInt8]) throws(Failure) {
  guard let file = fopen(path, "wb") else { throw Failure("\(path): cannot be written") }
  let count = fwrite(content, 1, content.count, file)
  guard fclose(file) == 0, count == content.count else {
    throw Failure("\(path): cannot be written")
  }
}
