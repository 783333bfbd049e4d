/// The parameters as they stand in the header, bytes 72..<112.
extension IndexParameters {
  func encode(to bytes: inout [UInt8]) {
    bytes.append(littleEndian: count)
    bytes.append(littleEndian: firstID)
    bytes.append(littleEndian: UInt32(dimension))
    bytes.append(littleEndian: UInt32(nlist))
    bytes.append(littleEndian: UInt32(m))
    bytes.append(UInt8(nbits))
    bytes.append(metric.rawValue)
    bytes.append(residual ? 1 : 0)
    bytes.append(vectors.rawValue)
    bytes.append(littleEndian: Int32(vectorOffset))
    bytes.append(storesIDs ? 1 : 0)
    bytes.append(contentsOf: [0, 0, 0])
  }

  init(decoding bytes: RawSpan) throws(FormatError) {
    func check(_ good: Bool, _ offset: UInt64, _ detail: @autoclosure () -> String) throws(FormatError) {
      guard good else { throw FormatError(.badField, "header", at: offset, detail()) }
    }
    count = bytes.u64(at: 72)
    try check(count <= Self.maximumCount, 72, "\(count) vectors, at most \(Self.maximumCount)")
    firstID = bytes.u64(at: 80)
    try check(!firstID.addingReportingOverflow(count).overflow, 80, "first id \(firstID) + count exceeds 64 bits")
    dimension = Int(bytes.u32(at: 88))
    let dimensions = 1...Self.maximumDimension
    try check(dimensions.contains(dimension), 88, "dimension \(dimension), not \(dimensions)")
    nlist = Int(bytes.u32(at: 92))
    m = Int(bytes.u32(at: 96))
    nbits = Int(bytes.u8(at: 100))
    try check(m == 0 ? nbits == 0 : (1...16).contains(nbits), 100, "nbits \(nbits) with m \(m)")
    try check(m == 0 || dimension % m == 0, 96, "m \(m) does not divide the dimension \(dimension)")
    guard let metric = Metric(rawValue: bytes.u8(at: 101)) else {
      throw FormatError(.badField, "header", at: 101, "metric \(bytes.u8(at: 101)), not 1...3")
    }
    self.metric = metric
    try check(bytes.u8(at: 102) <= 1, 102, "residual \(bytes.u8(at: 102)), not 0 or 1")
    residual = bytes.u8(at: 102) == 1
    try check(!residual || (nlist > 0 && m > 0), 102, "residual codes without centroids or without codes")
    guard let vectors = VectorEncoding(rawValue: bytes.u8(at: 103)) else {
      throw FormatError(.badField, "header", at: 103, "vector encoding \(bytes.u8(at: 103)), not 0...3")
    }
    self.vectors = vectors
    try check(m > 0 || vectors != .none, 103, "neither codes nor vectors")
    try check(vectors != .u8 || metric != .cosine, 103, "u8 vectors cannot be normalised, as cosine requires")
    vectorOffset = Int(Int32(bitPattern: bytes.u32(at: 104)))
    try check(
      vectorOffset == 0 || (vectorOffset == -128 && vectors == .u8), 104,
      "vector offset \(vectorOffset), not 0, nor -128 with u8 vectors")
    try check(bytes.u8(at: 108) <= 1, 108, "id encoding \(bytes.u8(at: 108)), not 0 or 1")
    storesIDs = bytes.u8(at: 108) == 1
    try check(storesIDs || nlist == 0, 108, "implicit ids in an index with lists")
    try check(!storesIDs || firstID == 0, 80, "a first id beside stored ids")
    try check(bytes.slice(109, 3).isZero, 109, "reserved bytes are not zero")
  }
}
