internal import PQFormat
internal import PQKernels

/// Files that break rules of Formats/pqx-v1.md under checksums that are all right: what only a faulty or hostile writer
/// makes. Mutant i of a seed is always the same.
public struct Mutator: Sendable {
  private let files: [GoldenFile]
  private let seed: UInt64

  public init(_ files: [GoldenFile], seed: UInt64) {
    self.files = files
    self.seed = seed
  }

  /// One mutant, the queries for the file that it was made of, and numbers to choose searches with.
  public func mutant(_ number: UInt64) -> (bytes: [UInt8], file: GoldenFile, random: UInt64) {
    var random = SplitMix64(seed: SplitMix64.hash(number, seed: seed))
    let golden = files[Int(random.next() % UInt64(files.count))]
    var file = SealedFile(golden.bytes)
    for _ in 0...random.next() % 3 { Self.change(&file, &random) }
    file.seal()
    return (file.bytes, golden, random.next())
  }

  private static func change(_ file: inout SealedFile, _ random: inout SplitMix64) {
    switch random.next() % 12 {
    case 0, 1: headerField(&file, &random)
    case 2, 3: sectionField(&file, &random)
    case 4, 5: entryField(&file, .lists, size: ListEntry.byteCount, fields: [(0, 8), (8, 8)], &random)
    case 6, 7, 8: frameField(&file, &random)
    case 9: content(&file, &random)
    case 10: swapEntries(&file, &random)
    default: length(&file, &random)
    }
  }

  /// A value that arithmetic may stumble over, given the field's present one.
  private static func value(_ now: UInt64, _ random: inout SplitMix64) -> UInt64 {
    switch random.next() % 10 {
    case 0: 0
    case 1: now &+ 1
    case 2: now &- 1
    case 3: UInt64(1) << (random.next() % 64)
    case 4: (UInt64(1) << (random.next() % 64)) &- 1
    case 5: .max &- random.next() % 4
    case 6: now &* (random.next() % 9)
    case 7: now ^ UInt64(1) << (random.next() % 64)
    case 8: random.next() % 512
    default: random.next() >> (random.next() % 64)
    }
  }

  /// Sets the field of `size` bytes at `offset` to such a value; nothing if it is not in the file.
  private static func set(_ file: inout SealedFile, at offset: Int, size: Int, _ random: inout SplitMix64) {
    guard offset >= 0, offset + size <= file.bytes.count else { return }
    var now: UInt64 = 0
    for i in (0..<size).reversed() { now = now << 8 | UInt64(file.bytes[offset + i]) }
    let new = value(now, &random)
    for i in 0..<size { file.bytes[offset + i] = UInt8(truncatingIfNeeded: new >> (8 * UInt64(i))) }
  }

  /// Formats/pqx-v1.md, "Header" and "Parameters": offset and size of each field but magic, version and checksums.
  private static let headerFields: [(Int, Int)] = [
    (10, 2), (12, 4), (16, 8), (24, 8), (32, 8), (40, 8), (56, 8), (64, 4), (72, 8), (80, 8), (88, 4), (92, 4), (96, 4),
    (100, 1), (101, 1), (102, 1), (103, 1), (104, 4), (108, 1), (109, 1), (112, 8),
  ]

  private static func headerField(_ file: inout SealedFile, _ random: inout SplitMix64) {
    let (offset, size) = headerFields[Int(random.next() % UInt64(headerFields.count))]
    set(&file, at: offset, size: size, &random)
  }

  private static func sectionField(_ file: inout SealedFile, _ random: inout SplitMix64) {
    let table = file.bytes.rawSpan.u64(at: 56)
    guard table < UInt64(file.bytes.count) else { return }
    let entry =
      Int(table) + Section.byteCount * Int(random.next() % UInt64(max(1, file.bytes.rawSpan.u32(at: 64) % 64)))
    let (offset, size) = [(0, 4), (4, 4), (8, 8), (16, 8), (28, 4)][Int(random.next() % 5)]
    set(&file, at: entry + offset, size: size, &random)
  }

  private static func entryField(
    _ file: inout SealedFile, _ kind: SectionKind, size: Int, fields: [(Int, Int)], _ random: inout SplitMix64
  ) {
    let range = file.range(kind)
    guard range.count >= size else { return }
    let entry = range.lowerBound + size * Int(random.next() % UInt64(range.count / size))
    let (offset, bytes) = fields[Int(random.next() % UInt64(fields.count))]
    set(&file, at: entry + offset, size: bytes, &random)
  }

  /// A field of the frame table: offset, planes, stored length or first id.
  private static func frameField(_ file: inout SealedFile, _ random: inout SplitMix64) {
    entryField(&file, .frames, size: FrameEntry.byteCount, fields: [(0, 6), (6, 2), (8, 4), (16, 8), (8, 4)], &random)
  }

  /// Bytes of a section's content: the model, codes, LZ4 blocks, ids, rows, metadata.
  private static func content(_ file: inout SealedFile, _ random: inout SplitMix64) {
    let kinds: [SectionKind] = [.rotation, .centroids, .codebooks, .centre, .groups, .codes, .ids, .vectors, .metadata]
    let range = file.range(kinds[Int(random.next() % UInt64(kinds.count))])
    guard !range.isEmpty else { return }
    for _ in 0...random.next() % 8 {
      let offset = range.lowerBound + Int(random.next() % UInt64(range.count))
      file.bytes[offset] = UInt8(truncatingIfNeeded: value(UInt64(file.bytes[offset]), &random))
    }
  }

  /// Exchanges two entries of the lists, the frame table or the section table, or makes one the copy of the other.
  private static func swapEntries(_ file: inout SealedFile, _ random: inout SplitMix64) {
    guard let (header, _) = file.structure else { return }
    let table = Int(header.sectionTableOffset)
    let (range, size) =
      switch random.next() % 3 {
      case 0: (file.range(.lists), ListEntry.byteCount)
      case 1: (file.range(.frames), FrameEntry.byteCount)
      default: (table..<table + header.sectionCount * Section.byteCount, Section.byteCount)
      }
    guard range.count >= size else { return }
    let (a, b) = (random.next() % UInt64(range.count / size), random.next() % UInt64(range.count / size))
    let copies = random.next() % 2 == 0
    for i in 0..<size {
      let (from, to) = (range.lowerBound + Int(a) * size + i, range.lowerBound + Int(b) * size + i)
      if copies { file.bytes[to] = file.bytes[from] } else { file.bytes.swapAt(from, to) }
    }
  }

  /// Cuts or extends the file; the header mostly says so, and a footer ends it.
  private static func length(_ file: inout SealedFile, _ random: inout SplitMix64) {
    let unit = random.next() % 4 == 0 ? 1 : 4096
    let count = max(0, file.bytes.count + (Int(random.next() % 5) - 2) * unit)
    let footer = file.bytes.suffix(min(Footer.byteCount, count))
    if count < file.bytes.count {
      file.bytes.removeLast(file.bytes.count - count)
    } else {
      file.bytes.append(contentsOf: repeatElement(0, count: count - file.bytes.count))
    }
    file.bytes.replaceSubrange(count - footer.count..<count, with: footer)
    if random.next() % 8 != 0, count >= Header.byteCount { file.set(UInt64(count), at: 40) }
  }
}
