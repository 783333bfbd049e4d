public import PQFormat
internal import PQKernels
internal import PQModel
public import PQStorage

/// The parameters of a build with every value chosen, checked before the second row is read.
public struct BuildPlan: Sendable {
  /// As in the file's header; the count is filled in at the end.
  public internal(set) var index = IndexParameters()
  /// Groups that the lists are ordered by; 0: none.
  public let groups: Int
  public let trainSize: Int
  public let coarseIterations: Int
  public let codebookIterations: Int
  /// What was chosen for the caller, and what he should know, a sentence each.
  public let notices: [String]
  public let parameters: BuildParameters
  public package(set) var memory: MemoryPlan

  /// Chooses and checks.
  /// - Parameters:
  ///   - count: the number of rows, if known; needed for `nlist` nil.
  ///   - componentType: of the input, which says whether u8 vectors hold it.
  ///   - trainCount: the number of rows to train on, where that is another file.
  ///   - storesIDs: true when ids come from a file.
  ///   - encodes: false where only a model is made, which takes less memory.
  public init(
    _ parameters: BuildParameters, dimension: Int, count: UInt64?, componentType: ComponentType,
    trainCount: UInt64? = nil, storesIDs: Bool = false, encodes: Bool = true
  ) throws(BuildError) {
    var notices: [String] = []
    var index = IndexParameters()
    self.parameters = parameters
    try Self.check(dimension: dimension, count: count)
    index.dimension = dimension
    index.metric = parameters.metric
    if parameters.kind.hasLists {
      index.nlist = try Self.nlist(parameters, count: count, notices: &notices)
    } else if let nlist = parameters.nlist {
      throw .usage("--nlist \(nlist) with --index \(parameters.kind.rawValue), which has no lists; remove one of them")
    }
    groups = try Self.groups(parameters, nlist: index.nlist, notices: &notices)
    index.storesIDs = index.nlist > 0 || storesIDs
    if parameters.kind.hasCodes {
      index.residual = index.nlist > 0
      index.hasBracket = index.takesBrackets
      index.isRotated = parameters.rotates
      try Self.check(rotation: index)
      try Self.chooseCodes(parameters, count: count, &index, notices: &notices)
    } else if let target = parameters.targetBytes {
      throw .usage("--target-bytes \(target) with --index \(parameters.kind.rawValue), which has no codes to choose")
    } else if parameters.rotates {
      throw .usage("--rotate with --index \(parameters.kind.rawValue), which has no codes; remove one of them")
    }
    index.firstID = index.storesIDs ? 0 : parameters.firstID
    try Self.check(firstID: parameters.firstID, count: count ?? 1, storesIDs: storesIDs)
    try Self.chooseVectors(parameters, componentType, &index)
    guard (12...16).contains(parameters.alignmentLog2) else {
      throw .usage("--align \(parameters.alignmentLog2): choose 12...16")
    }
    try Self.check(threads: parameters.threads)

    let wanted = max(64 * index.nlist, index.codebookRows)
    if let size = parameters.trainSize, size <= 0 || size > IndexParameters.maximumCount {
      throw .usage("--train-size \(size): choose 1...\(IndexParameters.maximumCount)")
    }
    let available = trainCount ?? count ?? .max
    trainSize = Int(min(UInt64(parameters.trainSize ?? wanted), available))
    try Self.checkTrainSize(trainSize, index, notices: &notices)
    if let iterations = parameters.iterations, iterations <= 0 {
      throw .usage("--iterations \(iterations): at least 1")
    }
    coarseIterations = parameters.iterations ?? 10
    codebookIterations = parameters.iterations ?? 25
    try Self.check(index, count: count)
    memory = try MemoryPlan(
      parameters, index, groups: groups, trainSize: trainSize, count: count, encodes: encodes)
    self.index = index
    self.notices = notices
  }

  /// The plan of an index with the quantizers of a model.
  /// - Parameters:
  ///   - parameters: whose memory, threads and first id count; all else is the model's.
  ///   - count: the number of rows, if known.
  init(
    _ parameters: BuildParameters, model: ModelFile, dimension: Int, count: UInt64?, componentType: ComponentType,
    storesIDs: Bool
  ) throws(BuildError) {
    var index = model.index
    guard dimension == index.dimension else {
      throw .badData("the input has dimension \(dimension), but the model \(model.path) has \(index.dimension)")
    }
    index.count = 0
    index.hasBracket = index.takesBrackets
    if index.nlist == 0 { index.storesIDs = storesIDs }
    index.firstID = index.storesIDs ? 0 : parameters.firstID
    try Self.check(dimension: dimension, count: count)
    try Self.check(firstID: parameters.firstID, count: count ?? 1, storesIDs: storesIDs)
    try Self.check(threads: parameters.threads)
    var chosen = parameters
    chosen.kind = index.kind
    chosen.vectors = index.vectors
    try Self.chooseVectors(chosen, componentType, &index)
    guard index.vectorOffset == model.index.vectorOffset else {
      throw .badData(
        "the input is \(componentType.rawValue), but the model \(model.path) was made for "
          + (model.index.vectorOffset == 0 ? "u8" : "i8"))
    }
    chosen.metric = index.metric
    chosen.nlist = index.nlist
    chosen.m = index.m
    chosen.nbits = index.nbits
    chosen.rotates = index.isRotated
    groups = model.model.coarse?.groups?.count ?? 0
    chosen.seed = model.metadata["parameters"]?["seed"]?.string.flatMap { UInt64($0) } ?? 1
    chosen.compression = model.compression
    chosen.alignmentLog2 = model.alignmentLog2
    self.parameters = chosen
    trainSize = 0
    coarseIterations = 0
    codebookIterations = 0
    notices = []
    try Self.check(index, count: count)
    memory = try MemoryPlan(chosen, index, groups: groups, trainSize: 0, count: count)
    self.index = index
  }

  /// Refuses rows that no index can hold.
  private static func check(dimension: Int, count: UInt64?) throws(BuildError) {
    guard (1...IndexParameters.maximumDimension).contains(dimension) else {
      throw .badData("the dimension is \(dimension); an index has 1...\(IndexParameters.maximumDimension)")
    }
    if let count { try check(rows: count) }
  }

  /// Refuses more rows than an index can hold.
  static func check(rows count: UInt64) throws(BuildError) {
    guard count <= IndexParameters.maximumCount else {
      throw .badData("\(count) rows; an index holds at most \(IndexParameters.maximumCount)")
    }
  }

  /// Refuses more codes and rows than a file can hold.
  private static func check(_ index: IndexParameters, count: UInt64?) throws(BuildError) {
    let bytes = UInt64((index.codeLayout?.planes ?? 0) + index.rowBytes)
    guard let count, count > Header.maximumFileLength / max(1, bytes) else { return }
    throw .badData(
      "\(count) vectors of \(bytes) bytes: an index holds 2^48 bytes at most; choose fewer bytes, or build several")
  }

  /// Refuses a first id above which there are not ids for `count` rows, or beside ids from elsewhere.
  static func check(firstID: UInt64, count: UInt64, storesIDs: Bool = false) throws(BuildError) {
    guard !storesIDs || firstID == 0 else { throw .usage("--first-id and --ids exclude each other") }
    guard !firstID.addingReportingOverflow(count).overflow else {
      throw .usage("--first-id \(firstID) leaves no room for the ids of all rows")
    }
  }

  static func check(threads: Int) throws(BuildError) {
    let (least, most) = (Threads.range.lowerBound, Threads.range.upperBound)
    guard Threads.range.contains(threads) else { throw .usage("--threads \(threads): choose \(least)...\(most)") }
  }

  private static func nlist(
    _ parameters: BuildParameters, count: UInt64?, notices: inout [String]
  ) throws(BuildError) -> Int {
    if let nlist = parameters.nlist {
      guard nlist > 0, nlist <= Int(UInt32.max) else { throw .usage("--nlist \(nlist): choose 1...\(UInt32.max)") }
      if let count, nlist > count {
        throw .usage("--nlist \(nlist) is more than the \(count) vectors; choose at most \(count)")
      }
      return nlist
    }
    guard let count else { throw .usage("--nlist auto needs the number of vectors; give --nlist N") }
    let nlist = Int(max(1, min(Double(count), (4 * Double(count).squareRoot()).rounded())))
    notices.append("nlist \(nlist): about 4 · √n for n = \(count)")
    return nlist
  }

  private static func groups(
    _ parameters: BuildParameters, nlist: Int, notices: inout [String]
  ) throws(BuildError) -> Int {
    guard let groups = parameters.groups else {
      guard nlist > BuildParameters.groupedLists else { return 0 }
      let groups = Int(Double(nlist).squareRoot().rounded())
      notices.append(
        "groups \(groups): about √nlist, so that a vector's list is sought in the nearest groups (--groups 0: in all lists)"
      )
      return groups
    }
    guard (0...nlist).contains(groups) else {
      throw .usage("--groups \(groups) of \(nlist) lists: choose 0...\(nlist), or leave it out")
    }
    return groups
  }

  private static func chooseCodes(
    _ parameters: BuildParameters, count: UInt64?, _ index: inout IndexParameters, notices: inout [String]
  ) throws(BuildError) {
    guard let target = parameters.targetBytes else {
      index.nbits = parameters.nbits
      guard (1...16).contains(index.nbits) else {
        throw .usage("--nbits \(index.nbits) is not supported; choose 1...16 (8 is fastest)")
      }
      index.m = try m(parameters, dimension: index.dimension, notices: &notices)
      return
    }
    guard parameters.m == nil else { throw .usage("--m and --target-bytes exclude each other: both choose the codes") }
    guard let count else { throw .usage("--target-bytes needs the number of vectors; give --m and --nbits") }
    var sized = index
    sized.vectors = parameters.vectors ?? .none
    let choice = try CodeChoice(index: sized, count: count).choose(target: target)
    (index.m, index.nbits) = (choice.m, choice.nbits)
    notices.append(
      "m \(choice.m), nbits \(choice.nbits): about \(CodeChoice.rounded(choice.bytes)) bytes of file per vector, "
        + "of the \(target) wanted")
  }

  private static func m(
    _ parameters: BuildParameters, dimension: Int, notices: inout [String]
  ) throws(BuildError) -> Int {
    let divisors = (1...dimension).filter { dimension % $0 == 0 }
    if let m = parameters.m {
      guard m > 0, dimension % m == 0 else {
        throw .usage(
          "--m \(m) does not divide the dimension \(dimension); choose one of "
            + divisors.suffix(24).map(String.init).joined(separator: ", "))
      }
      return m
    }
    let target = Double(dimension) / 8
    let m = divisors.min { abs(Double($0) - target) < abs(Double($1) - target) } ?? 1
    notices.append("m \(m): the divisor of the dimension \(dimension) nearest \(dimension)/8")
    return m
  }

  private static func check(rotation index: IndexParameters) throws(BuildError) {
    guard !index.isRotated || index.dimension <= Rotation.mostComponents else {
      throw .usage(
        "--rotate of \(index.dimension) components: at most \(Rotation.mostComponents), of which axes take the square")
    }
  }

  private static func chooseVectors(
    _ parameters: BuildParameters, _ componentType: ComponentType, _ index: inout IndexParameters
  ) throws(BuildError) {
    index.vectors = parameters.vectors ?? (index.m > 0 ? .none : .f32)
    if index.m == 0, index.vectors == .none {
      throw .usage("--vectors none with --index \(parameters.kind.rawValue), which is nothing but vectors")
    }
    guard index.vectors == .u8 else { return }
    guard index.metric != .cosine else {
      throw .usage("--vectors u8 with --metric cosine: normalised vectors are no bytes; choose f16 or f32")
    }
    switch componentType {
    case .u8: index.vectorOffset = 0
    case .i8: index.vectorOffset = -128
    case .f16, .f32: throw .usage("--vectors u8 needs u8 or i8 input, this is \(componentType); choose f16 or f32")
    }
  }

  private static func checkTrainSize(
    _ size: Int, _ index: IndexParameters, notices: inout [String]
  ) throws(BuildError) {
    func check(_ centroids: Int, _ name: String, _ flag: String) throws(BuildError) {
      guard size >= centroids else {
        throw .usage(
          "\(size) training vectors for \(centroids) \(name): each needs at least one; give a larger --train-size or "
            + "more input, or a smaller \(flag)")
      }
      if size < 39 * centroids {
        notices.append(
          "warning: \(size) training vectors for \(centroids) \(name), fewer than 39 each; recall may suffer")
      }
    }
    if index.nlist > 0 { try check(index.nlist, "lists", "--nlist") }
    if index.m > 0 { try check(1 << index.nbits, "codebook centroids", "--nbits") }
  }
}

extension IndexParameters {
  /// The most training vectors that codebooks and a rotation learn from.
  var codebookRows: Int {
    m > 0 ? TrainingPlan.codebookRows(nbits: nbits, rotated: isRotated ? dimension : nil) : 0
  }
}
