import PQBuild
import PQFormat
import PQKernels
import PQModel
import PQStorage
import PQTestSupport

/// How a valid golden file is made: rows and quantizers by formula, so that its bytes depend on no training.
struct GoldenRecipe: Sendable {
  let name: String
  let dimension: Int
  var parameters = BuildParameters()
  var componentType = ComponentType.f32
  var rows: [[Float]] = []
  var ids: [UInt64]?
  /// The size of centroids' and codewords' components.
  var scale: Float = 1
  /// Where each group of lists begins, and the number of lists.
  var groupStarts: [UInt32]?
  /// Whether lists lie near the centroids of their groups; otherwise these have nothing to do with them.
  var groupsAreNear = true

  /// Rows 3 and 5 are equal, so that results have a tie.
  init(
    _ name: String, _ kind: IndexKind, _ metric: Metric = .l2, dimension: Int, rows: Int, seed: UInt64,
    nlist: Int? = nil, m: Int? = nil, nbits: Int = 8, vectors: VectorEncoding? = nil
  ) {
    self.name = name + ".pqx"
    self.dimension = dimension
    parameters.kind = kind
    parameters.metric = metric
    parameters.nlist = nlist
    parameters.m = m
    parameters.nbits = nbits
    parameters.vectors = vectors
    parameters.seed = seed
    parameters.compression = .none
    self.rows = SeededVectors.floats(rows: rows, dimension: dimension, seed: seed)
    if rows > 5 { self.rows[5] = self.rows[3] }
  }

  /// True when the bytes depend on the version of liblz4.
  var isCompressed: Bool { parameters.compression != .none }

  /// Builds the file.
  func bytes() throws -> [UInt8] {
    let plan = try BuildPlan(
      parameters, dimension: dimension, count: rows.isEmpty ? nil : UInt64(rows.count), componentType: componentType,
      trainCount: 1 << 20, storesIDs: ids != nil)
    let folder = try TemporaryFolder()
    var builder = try IndexBuilder(TrainedModel(plan, model: model(plan.index)), output: folder.path(name))
    if !rows.isEmpty { try builder.add(rows.flatMap { $0 }, ids: ids) }
    _ = try builder.finish()
    return try folder.read(name)
  }

  /// The last centroid is so far off that its list is empty.
  private func model(_ index: IndexParameters) -> Model {
    var model = Model(dimension: dimension, coarse: nil, quantizer: nil, residual: index.residual)
    if index.nlist > 0 {
      var centroids = blocksOf(rows: index.nlist, index.dimension, seed: parameters.seed + 1)
      centroids[LaneBlocks.index(vector: index.nlist - 1, component: 0, dimension: dimension)] = 1000
      let groups = groupStarts.map { placeListsInGroups($0, &centroids) }
      model.coarse = CoarseQuantizer(dimension: dimension, nlist: index.nlist, blocks: centroids, groups: groups)
    }
    if index.isRotated {
      let axes = SeededVectors.axes(dimension: dimension, seed: parameters.seed + 3).flatMap { $0 }
      model.rotation = Rotation(dimension: dimension, blocks: LaneBlocks.pack(axes.span, dimension: dimension))
    }
    if index.m > 0 {
      let codebooks = (0..<index.m).flatMap {
        blocksOf(rows: 1 << index.nbits, index.subdimension, seed: parameters.seed + 2 + UInt64($0))
      }
      model.quantizer = ProductQuantizer(dimension: dimension, m: index.m, nbits: index.nbits, codebooks: codebooks)
    }
    return model
  }

  /// Makes the groups' centroids by formula, and draws those of their lists near, the last one aside: that list is a
  /// group of its own.
  private func placeListsInGroups(_ starts: [UInt32], _ centroids: inout [Float]) -> CoarseQuantizer.Groups {
    var centers = blocksOf(rows: starts.count - 1, dimension, seed: parameters.seed + 1000)
    for group in 0..<starts.count - 1 where groupsAreNear {
      for list in Int(starts[group])..<Int(starts[group + 1]) {
        for c in 0..<dimension {
          let from = LaneBlocks.index(vector: group, component: c, dimension: dimension)
          let to = LaneBlocks.index(vector: list, component: c, dimension: dimension)
          if list + 1 < parameters.nlist ?? 0 {
            centroids[to] = centers[from] + 0.25 * centroids[to]
          } else {
            centers[from] = centroids[to]
          }
        }
      }
    }
    return CoarseQuantizer.Groups(starts: starts, blocks: centers)
  }

  private func blocksOf(rows: Int, _ dimension: Int, seed: UInt64) -> [Float] {
    let values = SeededVectors.floats(rows: rows, dimension: dimension, seed: seed).flatMap { $0 }.map { $0 * scale }
    return LaneBlocks.pack(values.span, dimension: dimension)
  }
}

extension GoldenRecipe {
  static let all: [GoldenRecipe] = [
    GoldenRecipe("flat-f32", .flat, dimension: 8, rows: 600, seed: 100),
    flatU8, flatFirstID,
    GoldenRecipe("pq-8", .pq, .ip, dimension: 8, rows: 100, seed: 130, m: 4),
    GoldenRecipe("pq-13", .pq, dimension: 1, rows: 80, seed: 140, m: 1, nbits: 13),
    pqIDs,
    GoldenRecipe("ivfflat-ip", .ivfflat, .ip, dimension: 5, rows: 150, seed: 160, nlist: 6),
    GoldenRecipe("ivfpq-l2-8", .ivfpq, dimension: 8, rows: 200, seed: 170, nlist: 5, m: 4, vectors: .f32),
    ivfpq4,
    GoldenRecipe("ivfpq-10", .ivfpq, .ip, dimension: 3, rows: 150, seed: 190, nlist: 4, m: 3, nbits: 10),
    GoldenRecipe(
      "ivfpq-cosine-f16", .ivfpq, .cosine, dimension: 8, rows: 150, seed: 200, nlist: 4, m: 4, nbits: 6, vectors: .f16),
    ivfpqLZ4, ivfpqGroups, ivfflatGroups, ivfpqRotated, pqRotatedCosine,
    GoldenRecipe("ivfpq-empty", .ivfpq, dimension: 6, rows: 0, seed: 220, nlist: 3, m: 3, nbits: 4),
  ]

  /// i8 input: u8 vectors with offset −128.
  private static var flatU8: GoldenRecipe {
    var recipe = GoldenRecipe("flat-u8", .flat, dimension: 3, rows: 200, seed: 110, vectors: .u8)
    recipe.componentType = .i8
    recipe.rows = SeededVectors.bytes(rows: 200, dimension: 3, seed: 110).map { $0.map { Float($0) - 128 } }
    return recipe
  }

  private static var flatFirstID: GoldenRecipe {
    var recipe = GoldenRecipe("flat-first-id", .flat, dimension: 5, rows: 30, seed: 120, vectors: .f16)
    recipe.parameters.firstID = 5_000_000_000
    return recipe
  }

  /// Two code frames and five id frames. The ids come in descending order, from 2^32 − 2,000 up, with three gaps so
  /// wide that the last frame has eight planes and the last id is the largest there is.
  private static var pqIDs: GoldenRecipe {
    var recipe = GoldenRecipe("pq-ids", .pq, dimension: 4, rows: 4200, seed: 150, m: 2, nbits: 3)
    var ids = (0..<4197).map { UInt64(1) << 32 - 2000 + 3 * UInt64($0) }
    ids += [1 << 50, 1 << 63, .max]
    recipe.ids = ids.reversed()
    return recipe
  }

  private static var ivfpq4: GoldenRecipe { ofBytes("ivfpq-4", rows: 120, seed: 180, nlist: 5) }

  /// Rows of six small bytes, and codes of 4 bits.
  private static func ofBytes(_ name: String, rows: Int, seed: UInt64, nlist: Int) -> GoldenRecipe {
    var recipe = GoldenRecipe(
      name, .ivfpq, dimension: 6, rows: rows, seed: seed, nlist: nlist, m: 3, nbits: 4, vectors: .u8)
    recipe.componentType = .u8
    recipe.rows = SeededVectors.bytes(rows: rows, dimension: 6, limit: 9, seed: seed).map { $0.map(Float.init) }
    recipe.scale = 6
    return recipe
  }

  private static var ivfpqGroups: GoldenRecipe {
    var recipe = GoldenRecipe("ivfpq-groups", .ivfpq, dimension: 4, rows: 200, seed: 230, nlist: 20, m: 2)
    recipe.parameters.groups = 5
    recipe.groupStarts = [0, 3, 4, 10, 19, 20]
    return recipe
  }

  private static var ivfpqRotated: GoldenRecipe {
    var recipe = ofBytes("ivfpq-rotated", rows: 200, seed: 250, nlist: 12)
    recipe.parameters.rotates = true
    recipe.parameters.groups = 4
    recipe.groupStarts = [0, 1, 6, 11, 12]
    return recipe
  }

  private static var pqRotatedCosine: GoldenRecipe {
    var recipe = GoldenRecipe(
      "pq-rotated-cosine", .pq, .cosine, dimension: 5, rows: 100, seed: 260, m: 5, nbits: 4, vectors: .f16)
    recipe.parameters.rotates = true
    return recipe
  }

  private static var ivfflatGroups: GoldenRecipe {
    var recipe = GoldenRecipe("ivfflat-groups-ip", .ivfflat, .ip, dimension: 4, rows: 250, seed: 240, nlist: 60)
    recipe.parameters.groups = 15
    recipe.groupsAreNear = false
    recipe.groupStarts = [0, 5, 6, 9, 12, 22, 24, 26, 31, 33, 40, 44, 50, 52, 59, 60]
    return recipe
  }

  /// Constant subspaces and ids one after another: frames of codes, ids and vectors that LZ4 shortens.
  private static var ivfpqLZ4: GoldenRecipe {
    var recipe = GoldenRecipe(
      "ivfpq-lz4", .ivfpq, dimension: 8, rows: 400, seed: 210, nlist: 3, m: 4, nbits: 8, vectors: .f32)
    recipe.parameters.compression = .lz4
    for i in recipe.rows.indices {
      for c in 2..<8 { recipe.rows[i][c] = 0.25 }
    }
    return recipe
  }
}
