import PQFormat
import PQSearch
import ToolSupport

/// Whether the file is sound, and if not, where it is damaged.
struct VerifyView {
  private struct Problem: Encodable {
    let code: String
    let place: String
    let offset: UInt64
    let detail: String

    init(_ error: FormatError) {
      code = error.code.rawValue
      place = error.place
      offset = error.offset
      detail = error.detail
    }
  }

  private struct Report: Encodable {
    let file: String
    let deep: Bool
    let ok: Bool
    let problems: [Problem]
  }

  let path: String
  let deep: Bool

  func show(json: Bool) throws {
    let problems = try problems()
    if json {
      try printJSON(Report(file: path, deep: deep, ok: problems.isEmpty, problems: problems.map(Problem.init)))
    } else if problems.isEmpty {
      print(
        "\(path): ok: header, footer, section table, directory, every checksum and the padding between parts"
          + (deep ? "; codes, ids and vectors decoded, and their padding" : ""))
    } else {
      for problem in problems { print("\(path): \(problem.description)") }
    }
    guard problems.isEmpty else {
      let wasRead = problems.allSatisfy { $0.kind != .inputOutput }
      throw ToolFailure(
        wasRead ? .checkFailed : .inputOutput,
        "\(path): \(problems.count) problem\(problems.count == 1 ? "" : "s") found")
    }
  }

  /// A file that does not even open has one problem; so has one that cannot be read to its end.
  private func problems() throws(IndexError) -> [FormatError] {
    do throws(IndexError) {
      return try Index(path: path, access: .guarded).verify(deep: deep)
    } catch {
      guard case .format(_, let problem) = error else { throw error }
      return [problem]
    }
  }
}
