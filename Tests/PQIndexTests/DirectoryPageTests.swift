import PQDamage
import PQFormat
import PQTestSupport
import Testing

@testable import PQSearch

/// A search that visits so many lists that it checks all pages of the directory at once: what is wrong with one of them
/// matters to no query that does not visit a list of it.
@Suite struct DirectoryPageTests {
  @Test func onlyWhatIsVisitedMatters() throws {
    var f = Fixture(dimension: 4, nlist: 4500, m: 2, nbits: 4, seed: 3400)
    f.rows = f.values(1500, 4, seed: 3401)
    let folder = try TemporaryFolder()
    let sound = try f.make(in: folder).index
    let file = SealedFile(try folder.read("3400.pqx"))
    let queries = f.values(10, 4, seed: 3402)
    var options = SearchOptions(k: 5)
    var (refused, harmless, pages) = (0, 0, 0)
    for kind in [SectionKind.lists, .frames] {
      let range = file.range(kind)
      for page in stride(from: range.lowerBound, to: range.upperBound, by: 4096) {
        pages += 1
        var damaged = file
        damaged.bytes[page + 13] ^= 0x10
        let index = try Index(path: try folder.write(damaged.bytes, to: "damaged-\(page).pqx"))
        options.nprobe = 120
        for query in queries {
          do {
            let found = try index.search(query, options)
            #expect(found.neighbors == (try sound.search(query, options).neighbors))
            harmless += 1
          } catch {
            #expect(error.description.contains("section \(kind.name), page \((page - range.lowerBound) / 4096)"))
            refused += 1
          }
        }
        options.nprobe = 4500
        #expect(throws: IndexError.self) { try index.search(queries[0], options) }
      }
    }
    #expect(pages > 35 && 2 * pages <= 120 && refused + harmless == 10 * pages)
    #expect(refused > 5 * pages && harmless > 0, "\(refused) refused, \(harmless) not")
  }

  /// Copies of a checked directory are what its entries say, and searches by them give the same.
  @Test func copiesAreTheEntries() throws {
    var f = Fixture(dimension: 6, nlist: 30, m: 3, nbits: 4, vectors: .f32, seed: 3450)
    f.rows = f.values(5000, 6, seed: 3451)
    let folder = try TemporaryFolder()
    let index = try f.make(in: folder).index
    let queries = f.values(8, 6, seed: 3452).flatMap { $0 }
    let options = SearchOptions(k: 20, nprobe: 30, rerank: 60)
    #expect(!index.file.knownDirectory(visiting: 0).isComplete)
    let first = try index.search(queries, options)
    let known = index.file.knownDirectory(visiting: 0)
    #expect(known.isComplete && known.lists.count == 30)
    for number in 0..<30 {
      let list = try index.file.list(number)
      let copy = known.lists[number]
      #expect(copy.number == number && copy.count == list.count && copy.firstFrame == list.firstFrame)
      for kind in IndexParameters.frameSections {
        for i in 0..<index.file.frameCount(kind, list) {
          let frame = try index.file.frameView(kind, list, i)
          let copy = known.frames[index.file.frameNumber(kind, list, i)]
          #expect(copy.entry == frame.entry && copy.kind == kind && copy.list == number && copy.index == i)
          #expect(copy.number == frame.number && copy.count == frame.count && copy.rawLength == frame.rawLength)
        }
      }
    }
    for threads in [1, 2] {
      let again = try index.search(queries, options, threads: threads)
      #expect(again.neighbors == first.neighbors)
      #expect(again.statistics.codesScanned == first.statistics.codesScanned)
      #expect(again.statistics.bytesRead == first.statistics.bytesRead)
    }
  }

  /// An entry that is wrong under right checksums concerns those who visit its list, however often others are.
  @Test func wrongEntryIsNotCopied() throws {
    var f = Fixture(dimension: 6, nlist: 30, m: 3, nbits: 4, seed: 3460)
    f.rows = f.values(3000, 6, seed: 3461)
    let folder = try TemporaryFolder()
    let sound = try f.make(in: folder).index
    let queries = f.values(40, 6, seed: 3462)
    let options = SearchOptions(k: 5, nprobe: 4)
    var searcher = Searcher(sound)
    var chosen: [UInt32] = []
    for query in queries { try searcher.chooseLists(query.span, options, into: &chosen) }
    let wrong = Int(chosen[0])
    for kind in [SectionKind.lists, .frames] {
      var file = SealedFile(try folder.read("3460.pqx"))
      let entry =
        kind == .lists
        ? file.range(.lists).lowerBound + 16 * wrong + 8 : try #require(file.frame(.codes, list: wrong)).entryOffset
      file.set(UInt64(1) << 40 + 1, at: entry)
      file.seal()
      let index = try Index(path: try folder.write(file.bytes, to: "\(kind.name).pqx"))
      for _ in 0..<3 {
        for (i, query) in queries.enumerated() {
          if chosen[4 * i..<4 * i + 4].contains(UInt32(wrong)) {
            let error = #expect(throws: IndexError.self) { try index.search(query, options) }
            #expect(error?.description.contains("list \(wrong)") == true, "\(String(describing: error))")
          } else {
            #expect(try index.search(query, options).neighbors == sound.search(query, options).neighbors)
          }
        }
      }
      #expect(!index.file.knownDirectory(visiting: 0).isComplete)
    }
  }

  /// Lists that share frames, as only a hostile writer has them: whichever comes second is refused, or both.
  @Test(arguments: [false, true]) func sharedFrames(inOrder: Bool) throws {
    var f = Fixture(dimension: 6, nlist: 8, m: 3, nbits: 4, seed: 3470)
    f.rows = f.values(2000, 6, seed: 3471)
    let folder = try TemporaryFolder()
    let sound = try f.make(in: folder).index
    let pair = try (0..<8).filter { try sound.file.list($0).count > 0 }.prefix(2)
    let (first, second) = (try #require(pair.first), try #require(pair.last))
    var file = SealedFile(try folder.read("3470.pqx"))
    let (entry, list) = (file.range(.lists).lowerBound + 16 * second, try sound.file.list(first))
    file.set(UInt64(list.count), at: entry)
    file.set(UInt64(list.firstFrame), at: entry + 8)
    file.seal()
    let index = try Index(path: try folder.write(file.bytes, to: "shared.pqx"))
    let all = SearchOptions(k: 2000, nprobe: 8)
    for query in f.values(30, 6, seed: 3472) {
      #expect(throws: IndexError.self) { _ = try index.search(query, all) }
    }
    #expect(!index.file.knownDirectory(visiting: 100).isComplete)
    // The frames' checksums are those of one of the two.
    let fresh = try Index(path: folder.path("shared.pqx"))
    var errors: [FormatError] = []
    for number in inOrder ? [first, second] : [second, first] {
      do throws(FormatError) {
        let list = try fresh.file.list(number)
        _ = try fresh.file.frame(.codes, list, 0)
      } catch { errors.append(error) }
    }
    #expect(errors.count == (inOrder ? 2 : 1))
  }
}
