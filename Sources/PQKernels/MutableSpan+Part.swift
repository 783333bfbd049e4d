extension MutableSpan where Element: BitwiseCopyable {
  /// The elements of `range`, to be written through the result.
  @inlinable @inline(__always) @_lifetime(&self)
  package mutating func part(_ range: Range<Int>) -> MutableSpan { _mutatingExtracting(range) }
}
