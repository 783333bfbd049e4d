import PQBuild
import PQFormat
import ToolSupport

/// `--dry-run`: what would be built.
func printPlan(_ plan: BuildPlan) {
  for notice in plan.notices { printError(notice) }
  let index = plan.index
  print("index     \(index.kind.rawValue), \(index.metric.name), dimension \(index.dimension)")
  if index.nlist > 0 { print("nlist     \(index.nlist)" + (plan.groups > 0 ? " in \(plan.groups) groups" : "")) }
  if index.m > 0 {
    print(
      "codes     m \(index.m) × \(index.nbits) bits" + (index.residual ? ", residual" : "")
        + (index.isRotated ? ", rotated" : ""))
  }
  print("vectors   \(index.vectors.name)")
  if plan.trainSize > 0 {
    print("training  \(plan.trainSize) rows, \(plan.coarseIterations) and \(plan.codebookIterations) iterations")
  }
  print("memory    \(plan.memory.description)")
}

extension MemoryPlan {
  /// The division of the budget, the passes over the vectors, and the disk, in a line.
  var description: String {
    var parts = [
      "\(formatBytes(budget)) budget (at least \(formatBytes(least)))", "\(formatBytes(modelBytes)) quantizers",
      chunks > 1 ? "\(chunks) chunks of \(chunkRows) rows" : "a chunk of \(chunkRows) rows",
    ]
    if sampleIsFile { parts.append("the training sample in a file") }
    if spillBytes > 0 {
      parts.append((vectorCount.map { "\(runs($0)) " } ?? "") + "runs of \(runVectors) vectors, merged in one pass")
    }
    parts.append(diskBytes.map { "at most \(formatBytes($0)) of disk for a while" } ?? "disk as the input asks for")
    return parts.joined(separator: ", ")
  }
}
