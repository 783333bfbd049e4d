import ArgumentParser
import PQFormat
import PQSearch
import ToolSupport

@main
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pq-inspect",
    abstract: "Shows and verifies what is inside a .pqx index.",
    discussion: """
      Views:
        summary            what the index is, how it was built, bytes per vector by part (the default)
        sections           offset, size, checksum and compression of each section
        lists              a histogram of the lists' lengths and the longest lists
        list N             the ids and codes of list N
        codebooks          per subspace, the training distortion and the entropy of the codes
        hexdump SECTION    bytes with field names: header, table, footer, or a section's name
        verify [--deep]    every checksum, the directory, what lies between the parts; deep: what is in them, too;
                           exits with 1 if anything is wrong

      Examples:
        pq-inspect base.pqx
        pq-inspect base.pqx lists --top 5
        pq-inspect base.pqx hexdump header
        pq-inspect base.pqx verify --deep --json
      """,
    version: toolVersion)

  @Argument(help: "The index file.")
  var file: String

  @Argument(help: "What to show.")
  var view: View = .summary

  @Argument(help: "The list's number, or the section to dump.")
  var argument: String?

  @Option(help: "lists: how many of the longest to show. (default: 10)")
  var top: Int?

  @Option(help: "list, hexdump: how many rows to show. (default: 64)")
  var limit: Int?

  @Flag(help: "verify: decode every frame too.")
  var deep = false

  @Flag(help: "Print JSON.")
  var json = false

  enum View: String, CaseIterable, ExpressibleByArgument {
    case summary, sections, lists, list, codebooks, hexdump, verify
  }

  func validate() throws {
    let takesArgument = view == .list || view == .hexdump
    guard takesArgument == (argument != nil) else {
      throw ValidationError(
        takesArgument
          ? "\(view.rawValue) needs \(view == .list ? "a list's number" : "a section's name")."
          : "\(view.rawValue) takes no argument.")
    }
    guard top ?? 0 >= 0, limit ?? 1 > 0 else { throw ValidationError("--top and --limit are counts.") }
    for (isGiven, option, views) in [
      (top != nil, "--top", [View.lists]), (limit != nil, "--limit", [.list, .hexdump]), (deep, "--deep", [.verify]),
    ] where isGiven && !views.contains(view) {
      let views = views.map(\.rawValue).joined(separator: " and ")
      throw ValidationError("\(option) is of \(views), not of \(view.rawValue).")
    }
  }

  func run() throws {
    try reportingFailures {
      if view == .verify {
        try VerifyView(path: file, deep: deep).show(json: json)
        return
      }
      let index = try Index(path: file)
      switch view {
      case .summary: try SummaryView(index).show(json: json)
      case .sections: try SectionsView(index).show(json: json)
      case .lists: try ListsView(index, top: top ?? 10).show(json: json)
      case .list: try ListView(index, number: try listNumber(), limit: limit ?? 64).show(json: json)
      case .codebooks: try CodebooksView(index).show(json: json)
      case .hexdump: try HexdumpView(index, part: argument ?? "", limit: limit ?? 64).show(json: json)
      case .verify: break
      }
    }
  }

  private func listNumber() throws -> Int {
    guard let argument, let number = Int(argument) else {
      throw ToolFailure(.usage, "list \(argument ?? ""): give a list's number")
    }
    return number
  }
}
