public import CCurl

/// A list of lines in libcurl's form, in memory that is used again: libcurl reads it and leaves it to us.
///
/// Source: libcurl, `struct curl_slist`.
public struct StringList: ~Copyable {
  private var text = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
  private var textCapacity = 1
  private var textCount = 0
  private var nodes = UnsafeMutablePointer<curl_slist>.allocate(capacity: 1)
  private var nodeCapacity = 1
  private var nodeCount = 0

  /// An empty list.
  public init() {}

  deinit {
    text.deallocate()
    nodes.deallocate()
  }

  /// The list's first line; nil for an empty list.
  public var first: UnsafeMutablePointer<curl_slist>? { nodeCount > 0 ? nodes : nil }

  /// Empties the list and makes room for so many lines of so many bytes in all.
  public mutating func begin(lineCount: Int, byteCount: Int) {
    textCount = 0
    nodeCount = 0
    // Each line ends in a NUL.
    if byteCount + lineCount > textCapacity {
      textCapacity = (byteCount + lineCount) * 2
      text.deallocate()
      text = .allocate(capacity: textCapacity)
    }
    if lineCount > nodeCapacity {
      nodeCapacity = lineCount * 2
      nodes.deallocate()
      nodes = .allocate(capacity: nodeCapacity)
    }
  }

  /// Adds a line made of three parts; there must be room for it.
  public mutating func append(_ name: String, _ separator: String, _ value: String) {
    precondition(nodeCount < nodeCapacity)
    let start = text + textCount
    append(name)
    append(separator)
    append(value)
    precondition(textCount < textCapacity)
    text[textCount] = 0
    textCount += 1
    nodes[nodeCount] = curl_slist(data: start, next: nil)
    if nodeCount > 0 { nodes[nodeCount - 1].next = nodes + nodeCount }
    nodeCount += 1
  }

  private mutating func append(_ part: String) {
    var part = part
    part.withUTF8 { bytes in
      precondition(textCount + bytes.count <= textCapacity)
      guard let start = bytes.baseAddress else { return }
      UnsafeMutableRawPointer(text + textCount).copyMemory(from: start, byteCount: bytes.count)
      textCount += bytes.count
    }
  }
}
