internal import Glibc

/// An array that ends where a page without access begins: a read or write past its end stops the process.
@safe public struct GuardedBuffer<Element: BitwiseCopyable>: ~Copyable {
  // Owned: mapped in init, unmapped in deinit.
  private let base: UnsafeMutableRawPointer
  private let mapped: Int
  private let elements: UnsafeMutablePointer<Element>
  public let count: Int

  public init(_ values: [Element]) {
    let page = Int(getpagesize())
    let size = values.count * MemoryLayout<Element>.stride
    let room = (size + page - 1) / page * page
    mapped = room + page
    count = values.count
    // A new private mapping of `mapped` bytes; nothing else knows its address.
    guard
      let start = unsafe mmap(nil, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      unsafe start != MAP_FAILED, unsafe mprotect(start + room, page, PROT_NONE) == 0
    else { fatalError("no memory for \(size) bytes and a guard page") }
    unsafe base = start
    // The stride of Element divides a page, so that the elements are aligned.
    unsafe elements = (start + (room - size)).bindMemory(to: Element.self, capacity: values.count)
    for i in values.indices { unsafe elements[i] = values[i] }
  }

  public init(repeating value: Element, count: Int) { self.init([Element](repeating: value, count: count)) }

  deinit { unsafe munmap(base, mapped) }

  public var span: Span<Element> {
    @_lifetime(borrow self)
    get {
      // The mapping lives as long as self.
      let span = unsafe Span(_unsafeStart: elements, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  public var rawSpan: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: elements, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  public var mutableSpan: MutableSpan<Element> {
    @_lifetime(&self)
    mutating get {
      let span = unsafe MutableSpan(_unsafeStart: elements, count: count)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }
}
