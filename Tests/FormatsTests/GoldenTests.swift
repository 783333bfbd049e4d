import Formats
import Foundation
import PQBuild
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import Testing

/// Golden files are what the software writes today, and open for ever.
@Suite struct GoldenTests {
  static func golden(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/" + name)))
  }

  static func queryBytes(_ dimension: Int) -> [UInt8] {
    var rows = SeededVectors.floats(rows: 4, dimension: dimension, seed: 1000 + UInt64(dimension))
    rows[2] = rows[2].map { $0 * 16 }
    rows.append([Float](repeating: 0, count: dimension))
    return VectorBytes.fvecs(rows)
  }

  static var dimensions: Set<Int> { Set(GoldenRecipe.all.map(\.dimension)) }

  /// Writes all files into the folder that PQX_WRITE_GOLDEN names; see golden/README.md.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["PQX_WRITE_GOLDEN"] != nil))
  func write() throws {
    let folder = URL(fileURLWithPath: ProcessInfo.processInfo.environment["PQX_WRITE_GOLDEN"] ?? "")
    var valid: [String: [UInt8]] = [:]
    for recipe in GoldenRecipe.all { valid[recipe.name] = try recipe.bytes() }
    var files = try GoldenDamage.files { try #require(valid[$0]) }
    files += valid.map { ($0.key, $0.value) }
    files += Self.dimensions.map { ("queries-\($0).fvecs", Self.queryBytes($0)) }
    for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
  }

  @Test func allAreListed() throws {
    #expect(GoldenRecipe.all.map(\.name) == GoldenFiles.valid)
    let names = try FileManager.default.contentsOfDirectory(atPath: GoldenFiles.folder)
    let listed = GoldenFiles.valid + GoldenFiles.damaged.map(\.name)
    #expect(names.filter { $0.hasSuffix(".pqx") }.sorted() == listed.sorted())
    for version in GoldenFiles.olderVersions {
      let older = try FileManager.default.contentsOfDirectory(atPath: GoldenFiles.folder + "/" + version)
      let listed = (GoldenFiles.olderValid + GoldenFiles.olderDamaged.map(\.name)).filter { $0.hasPrefix(version) }
      #expect(older.sorted() == listed.map { String($0.dropFirst(4)) }.sorted())
    }
    let readme = String(decoding: try Self.golden("README.md"), as: UTF8.self)
    for name in listed { #expect(readme.contains("| `\(name)` |"), "README.md has no row for \(name)") }
  }

  @Test(arguments: GoldenRecipe.all)
  func buildsTheSameBytes(_ recipe: GoldenRecipe) throws {
    let golden = try Self.golden(recipe.name)
    #expect(golden.count <= 65_536)
    if recipe.isCompressed {
      // The content decides; CrossReaderTests compares results. Frames must be shorter than raw ones.
      let codes = GoldenDamage.section(.codes, golden).count
      #expect(codes > 0 && codes < recipe.rows.count * 4)
    } else {
      let built = try recipe.bytes()
      let same = built == golden
      #expect(same, "\(recipe.name) is built with other bytes; the format or the quantizers have changed")
    }
  }

  @Test func damagedAreMadeOfTheValid() throws {
    let files = try GoldenDamage.files(Self.golden)
    #expect(files.map(\.name) == GoldenFiles.damaged.map(\.name))
    for (name, bytes) in files {
      let same = try Self.golden(name) == bytes
      #expect(same, "\(name)")
    }
    for dimension in Self.dimensions {
      #expect(try Self.golden("queries-\(dimension).fvecs") == Self.queryBytes(dimension))
    }
  }

  /// Every version is read by all later ones.
  @Test(arguments: GoldenFiles.valid + GoldenFiles.olderValid)
  func opensForEver(_ name: String) throws {
    let index = try Index(path: GoldenFiles.folder + "/" + name)
    let recipe = try #require(GoldenRecipe.all.first { name.hasSuffix($0.name) })
    let version = name.contains("/") ? String(name.prefix(3)) : "1.3"
    #expect(index.formatVersion == version)
    let takesBrackets = recipe.parameters.kind == .ivfpq && recipe.parameters.metric == .l2
    #expect(index.parameters.hasBracket == (takesBrackets && version != "1.0"))
    let hasPages = try index.sections().contains { $0.name == "centroidPages" }
    #expect(hasPages == (recipe.groupStarts != nil && version >= "1.2"))
    #expect(index.parameters.isRotated == name.contains("rotated"))
    #expect(index.parameters.count == UInt64(recipe.rows.count))
    #expect(index.parameters.kind == recipe.parameters.kind)
    #expect(index.parameters.metric == recipe.parameters.metric)
    #expect(index.parameters.dimension == recipe.dimension)
  }

  /// Neither brackets nor checksums of centroids' pages change a result, and nothing else differs.
  @Test(arguments: GoldenFiles.olderValid)
  func versionsGiveTheSameResults(_ name: String) throws {
    let older = try Index(path: GoldenFiles.folder + "/" + name)
    let index = try Index(path: GoldenFiles.folder + "/" + name.dropFirst("1.0/".count))
    let queries = try CrossReaderTests.floats(GoldenFiles.queries(dimension: index.parameters.dimension))
    for options in CrossReaderTests.searches(index.parameters) {
      let (new, old) = (try index.search(queries, options).neighbors, try older.search(queries, options).neighbors)
      #expect(new.map(\.id) == old.map(\.id))
      #expect(new.map(\.distance.bitPattern) == old.map(\.distance.bitPattern))
    }
  }
}
