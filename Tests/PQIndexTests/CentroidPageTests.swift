import PQDamage
import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// Checksums of the centroids' pages: a search through groups checks the pages that it compares, and no others.
@Suite struct CentroidPageTests {
  /// 600 lists of 32 components, 19 pages of centroids, in groups of 100, which end within lane blocks.
  private func fixture() -> Fixture {
    // A search by l2 would copy so few centroids, and so check all.
    var f = Fixture(metric: .ip, dimension: 32, nlist: 600, m: 4, nbits: 4, seed: 3300)
    f.groupStarts = Array(stride(from: 0, through: 600, by: 100))
    f.rows = f.values(1200, 32, seed: 3301)
    return f
  }

  /// A byte of the first component of a list's centroid.
  private func place(_ list: Int, in file: SealedFile) -> Int {
    file.range(.centroids).lowerBound + list / 16 * (16 * 32 * 4) + list % 16 * 4
  }

  @Test func onlyWhatIsComparedIsChecked() throws {
    let f = fixture()
    let folder = try TemporaryFolder()
    let sound = try f.make(in: folder).index
    let file = SealedFile(try folder.read("3300.pqx"))
    let pages = file.range(.centroidPages).count / 4
    #expect(pages == 19)
    let query = f.values(1, 32, seed: 3302)[0]
    let options = SearchOptions(nprobe: 3)
    let expected = try sound.search(query, options)
    let compared = expected.statistics.centroids - 6
    #expect(compared >= 3 && compared < 600)

    var (refused, harmless) = (0, 0)
    for page in 0..<pages {
      var damaged = file
      damaged.bytes[place(page * 32, in: file) + 1] ^= 0x40
      let path = try folder.write(damaged.bytes, to: "damaged-\(page).pqx")
      let index = try Index(path: path)
      do {
        let found = try index.search(query, options)
        #expect(found.neighbors == expected.neighbors)
        harmless += 1
      } catch {
        #expect(error.description.contains("section centroids, page \(page)"), "\(error)")
        refused += 1
      }
      // All are compared: the page is found now, whatever was checked before.
      var everything = options
      everything.usesGroups = false
      let error = #expect(throws: IndexError.self) { try index.search(query, everything) }
      #expect(error?.description.contains("section centroids, page \(page)") == true)
      var searcher = Searcher(index)
      var lists: [UInt32] = []
      let unchosen = #expect(throws: IndexError.self) {
        try searcher.chooseLists(query.span, everything, into: &lists)
      }
      #expect(unchosen?.description == error?.description && lists.isEmpty)
      #expect(index.verify().count == 1)
    }
    #expect(refused > 0 && harmless > 0, "\(refused) of \(pages) pages were compared")
  }

  /// A writer that gets a page wrong under a right checksum of the whole is found, and so is a value that is not finite.
  @Test func wrongUnderARightChecksum() throws {
    let f = fixture()
    let folder = try TemporaryFolder()
    _ = try f.make(in: folder)
    let sound = SealedFile(try folder.read("3300.pqx"))

    var pages = sound
    pages.bytes[sound.range(.centroidPages).lowerBound + 4 * 7] ^= 1
    pages.sealSections()
    pages.sealHeader()
    let index = try Index(path: try folder.write(pages.bytes, to: "pages.pqx"))
    #expect(index.verify().map(\.place) == ["section centroids, page 7"])

    var values = sound
    values.set(Float.nan.bitPattern, at: place(40, in: sound))
    values.seal()
    let other = try Index(path: try folder.write(values.bytes, to: "values.pqx"))
    let error = #expect(throws: IndexError.self) {
      try other.search(f.rows[0], SearchOptions(nprobe: 600))
    }
    #expect(error?.description.contains("the value nan is not finite") == true)
    #expect(other.verify().map(\.place) == ["section centroids"])
  }
}
