public import ArgumentParser
public import PQBuild
import PQFormat
import PQStorage
import ToolSupport

/// The flags that say what to build.
struct ParameterOptions: ParsableArguments {
  @Option(name: .customLong("index"), help: "The kind of index.")
  var kind = IndexKind.ivfpq

  @Option(help: "How vectors are compared. (default: l2)")
  var metric: Metric?

  @Option(help: "Lists of the coarse quantizer, or auto: about 4 · √n.")
  var nlist = "auto"

  @Option(help: "Groups that the lists are ordered by, 0 for none. (default: √nlist above 16,384 lists)")
  var groups: Int?

  @Option(help: "Sub-quantizers; divides the dimension. (default: the divisor nearest dimension/8)")
  var m: Int?

  @Option(help: "Bits of a code, 1...16. (default: 8)")
  var nbits: Int?

  @Option(help: "Choose m and nbits so that the file has about so many bytes per vector.")
  var targetBytes: Double?

  @Flag(
    name: .customLong("rotate"),
    help: "Rotate vectors before they are quantized (OPQ): fewer bits for the same recall, each query is rotated too.")
  var rotates = false

  @Option(help: "Vectors to store for exact distances. (default: none beside codes, else f32)")
  var vectors: VectorEncoding?

  @Option(
    help: "Rows to train on. (default: max(64 · nlist, 256 · 2^nbits), for --rotate at least 4096 and 16 · dimension)")
  var trainSize: Int?

  @Option(help: "k-means iterations. (default: 10 for the lists, 25 for the codebooks)")
  var iterations: Int?

  @Option(help: "Seed of the training sample.")
  var seed: UInt64 = 1

  @Option(help: "auto: codes and ids where it pays; lz4: vectors too; none.")
  var compression = Compression.auto

  @Option(help: "Sections start at multiples of 2^this, 12...16.")
  var align = 12

  /// - Parameter trainInput: the file that is trained on, where that can be another.
  func resolved(_ resources: ResourceOptions, trainInput: String? = nil) throws(ToolFailure) -> BuildParameters {
    try refuseWhatMeansNothing(trainInput)
    var p = BuildParameters()
    p.kind = kind
    p.metric = metric ?? .l2
    if nlist != "auto" {
      guard let number = Int(nlist) else {
        throw ToolFailure(.usage, "--nlist \(nlist): give a number or auto")
      }
      p.nlist = number
    }
    p.groups = groups
    p.m = m
    guard targetBytes == nil || nbits == nil else {
      throw ToolFailure(.usage, "--nbits and --target-bytes exclude each other: both choose the codes")
    }
    if let targetBytes, !(targetBytes > 0 && targetBytes.isFinite) {
      throw ToolFailure(.usage, "--target-bytes \(targetBytes): use a number above 0")
    }
    p.targetBytes = targetBytes
    p.nbits = nbits ?? 8
    p.rotates = rotates
    p.vectors = vectors
    p.trainSize = trainSize
    p.iterations = iterations
    p.seed = seed
    resources.apply(to: &p)
    p.compression = compression
    p.alignmentLog2 = align
    return p
  }

  /// Refuses flags that the kind of index has no use for. What a build of it would pass over as a default is a mistake
  /// where it was given.
  private func refuseWhatMeansNothing(_ trainInput: String?) throws(ToolFailure) {
    let options: [(given: String?, isOfUse: Bool, lack: String)] = [
      (m.map { "--m \($0)" }, kind.hasCodes, "codes"), (nbits.map { "--nbits \($0)" }, kind.hasCodes, "codes"),
      (trainSize.map { "--train-size \($0)" }, kind != .flat, "quantizers to be trained"),
      (trainInput.map { "--train-input \($0)" }, kind != .flat, "quantizers to be trained"),
      (iterations.map { "--iterations \($0)" }, kind != .flat, "quantizers to be trained"),
    ]
    for case (let given?, false, let lack) in options {
      throw ToolFailure(.usage, "\(given) with --index \(kind.rawValue), which has no \(lack); remove one of them")
    }
  }
}

extension Compression: ExpressibleByArgument {}
