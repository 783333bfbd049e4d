import PQBuild
import PQFormat
import ToolSupport

/// `--dry-run`: what would be built.
func printPlan(_ plan: BuildPlan, json: Bool, quiet: Bool) throws {
  if !quiet { for notice in plan.notices { printError(notice) } }
  if json { return try printJSON(PlanJSON(plan)) }
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

private struct PlanJSON: Encodable {
  let index, metric, vectors: String
  let dimension, nlist, groups, m, nbits: Int
  let residual, rotated: Bool
  let train_size: Int
  let memory_bytes, least_memory_bytes, quantizer_bytes: UInt64
  let disk_bytes: UInt64?

  init(_ plan: BuildPlan) {
    let p = plan.index
    (index, metric, vectors) = (p.kind.rawValue, p.metric.name, p.vectors.name)
    (dimension, nlist, groups, m, nbits) = (p.dimension, p.nlist, plan.groups, p.m, p.nbits)
    (residual, rotated) = (p.residual, p.isRotated)
    train_size = plan.trainSize
    (memory_bytes, least_memory_bytes) = (plan.memory.budget, plan.memory.least)
    (quantizer_bytes, disk_bytes) = (plan.memory.modelBytes, plan.memory.diskBytes)
  }
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
      let count = vectorCount.map { runs($0) }
      let some = count == 1 ? "a run" : (count.map { "\($0) " } ?? "") + "runs"
      parts.append("\(some) of \(runVectors) vectors, merged in one pass")
    }
    parts.append(diskBytes.map { "at most \(formatBytes($0)) of disk for a while" } ?? "disk as the input asks for")
    return parts.joined(separator: ", ")
  }
}
