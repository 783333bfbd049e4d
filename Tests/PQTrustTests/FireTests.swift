import PQTestSupport
import Testing

/// Readers of a file that others replace, delete or overwrite; `trust replacements` and `trust scribbles` are longer.
@Suite struct FireTests {
  @Test func replacedAndDeleted() throws {
    let run = try runTool("trust", ["replacements", "--count", "300", "--readers", "4"])
    #expect(run.exitCode == 0, "\(run.text) \(run.errors)")
    let answers = run.text.split(separator: "\t").last?.split(separator: " ").first.flatMap { Int($0) } ?? 0
    #expect(answers > 20, "\(run.text)")
  }

  @Test func overwritten() throws {
    let run = try runTool("trust", ["scribbles", "--seconds", "3"])
    #expect(run.exitCode == 0, "\(run.text) \(run.errors)")
  }
}
