import PQFormat
import PQKernels
import Testing

/// CRC-32C bit by bit.
private func crc32c(_ bytes: [UInt8]) -> UInt32 {
  var crc = UInt32.max
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
  }
  return ~crc
}

@Suite struct ChecksumTests {
  @Test(arguments: Kernels.available) func everySetComputesCRC32C(kernels: Kernels) {
    let digits = [UInt8]("123456789".utf8)
    #expect(kernels.crc32c(digits.rawSpan) == 0xE306_9283)
    // RFC 3720, B.4: 32 zeros, 32 ones, 0...31.
    #expect(kernels.crc32c([UInt8](repeating: 0, count: 32).rawSpan) == 0x8A91_36AA)
    #expect(kernels.crc32c([UInt8](repeating: 255, count: 32).rawSpan) == 0x62A8_AB43)
    #expect(kernels.crc32c([UInt8](0..<32).rawSpan) == 0x46DD_794E)
    var random = SplitMix64(seed: 7)
    let bytes = (0..<116).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for start in 0..<16 {
      for count in 0...100 {
        let found = kernels.crc32c(bytes.rawSpan.slice(start, count))
        #expect(found == crc32c(Array(bytes[start..<start + count])), "\(kernels.name), \(count) bytes at \(start)")
      }
    }
    for cut in 0...116 {
      let head = kernels.crc32c(bytes.rawSpan.slice(0, cut))
      let whole = kernels.crc32c(bytes.rawSpan.slice(cut, 116 - cut), continuing: head)
      #expect(whole == crc32c(bytes), "\(kernels.name), cut at \(cut)")
    }
  }

  /// Lengths around those where a kernel goes from one step to the next: 32, 128, 256, 384, 512 and 3,072 bytes.
  @Test(arguments: Kernels.available) func longInputs(kernels: Kernels) {
    var random = SplitMix64(seed: 8)
    let bytes = (0..<7000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for length in [
      255, 256, 257, 287, 288, 289, 319, 320, 383, 384, 385, 511, 512, 513, 575, 576, 577, 767, 768, 769, 1023, 1024,
      1025, 1337, 2049, 3071, 3072, 3073,
      3456, 6150,
    ] {
      for start in [0, 1, 8, 33] {
        let found = kernels.crc32c(bytes.rawSpan.slice(start, length), continuing: UInt32(start))
        // The last set is the scalar one, the oracle.
        let expected = Kernels.available.last?.crc32c(bytes.rawSpan.slice(start, length), continuing: UInt32(start))
        #expect(found == expected, "\(kernels.name), \(length) bytes at \(start)")
        let plain = kernels.crc32c(bytes.rawSpan.slice(start, length))
        #expect(plain == crc32c(Array(bytes[start..<start + length])), "\(kernels.name), \(length) bytes at \(start)")
      }
    }
  }

  @Test func saltIsDefinedByItsBytes() {
    let content = [UInt8]("content".utf8)
    let found = Checksum.salted(content.rawSpan, kind: .vectors, index: 0x0102_0304, list: 0x1112_1314_1516_1718)
    let salt: [UInt8] = [5, 0, 0, 0, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]
    #expect(found == crc32c(salt + content))
    #expect(
      Checksum.salted([UInt8]().rawSpan, kind: .codes, index: 0, list: 0)
        == crc32c([3] + [UInt8](repeating: 0, count: 15)))
  }

  @Test func placesHaveDifferentChecksums() {
    let content = [UInt8]("content".utf8)
    var seen = Set<UInt32>()
    for kind in SectionKind.allCases {
      for index in 0..<4 {
        for list in 0..<4 {
          seen.insert(Checksum.salted(content.rawSpan, kind: kind, index: UInt32(index), list: UInt64(list)))
        }
      }
    }
    #expect(seen.count == SectionKind.allCases.count * 16)
  }
}
