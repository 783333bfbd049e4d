import PQFormat
import PQSearch
import ToolSupport

/// How well each subspace's codebook fits: its training distortion and how evenly its codes are used.
struct CodebooksView {
  private struct Row: Encodable {
    let subspace: Int
    let distortion: Double?
    let entropyBits: Double
  }

  private let rows: [Row]
  private let nbits: Int

  init(_ index: Index) throws {
    guard index.parameters.m > 0 else { throw ToolFailure(.usage, "\(index.path) has no codes, so no codebooks") }
    nbits = index.parameters.nbits
    let distortion = try index.metadata().flatMap(Self.distortion) ?? []
    rows = try index.codeEntropy().enumerated().map { s, entropy in
      Row(subspace: s, distortion: s < distortion.count ? distortion[s] : nil, entropyBits: entropy)
    }
  }

  /// `training.codebook_distortion` of the metadata.
  private static func distortion(_ metadata: String) -> [Double]? {
    guard case .object(let object) = JSONValue(metadata: metadata), case .object(let training) = object["training"],
      case .array(let values) = training["codebook_distortion"]
    else { return nil }
    let numbers: [Double] = values.compactMap { value in
      switch value {
      case .number(let number): number
      case .integer(let integer): Double(integer)
      default: nil
      }
    }
    return numbers.count == values.count ? numbers : nil
  }

  func show(json: Bool) throws {
    if json {
      try printJSON(["subspaces": rows])
      return
    }
    print(
      formatTable(
        header: ["subspace", "training distortion", "entropy (of \(nbits) bits)"],
        rows: rows.map {
          [
            "\($0.subspace)", $0.distortion.map { formatNumber($0, digits: 2) } ?? "-",
            formatNumber($0.entropyBits, digits: 3),
          ]
        }))
  }
}
