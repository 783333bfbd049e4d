import PQDamage
import PQFormat
import PQSearch
import PQTestSupport
import Testing

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
}
