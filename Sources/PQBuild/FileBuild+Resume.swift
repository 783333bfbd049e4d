internal import PQFormat
internal import PQStorage

/// What a build before has left, and what is left for the next.
extension FileBuild {
  /// Takes up the work folder: empty, or with the work that is to be gone on with.
  func begin(
    _ folder: inout WorkFolder, _ identity: BuildIdentity
  ) throws(BuildError) -> (Journal, Journal.Content) {
    let found = try Journal.found(in: &folder, forgetting: replacing && !resuming)
    if resuming, let found, found.hasProgress {
      try found.identity.check(against: identity)
      return try BuildError.onFiles { () throws(FileError) in
        if found.completed == nil, !replacing { try folder.checkOutputIsFree() }
        return (try Journal(folder, after: found), found)
      }
    }
    try Journal.clear(folder, found, replacing: replacing)
    if resuming { progress(.notice("--resume: there is nothing to go on with; starting from the beginning")) }
    folder.keep(false)
    let journal = try BuildError.onFiles { () throws(FileError) in try Journal(folder, identity: identity) }
    folder.keep(true)
    return (journal, Journal.Content())
  }

  /// What ``begin(_:_:)`` and publishing would refuse, without taking up the work folder; where that is, or would be, and the
  /// room there: nil if it is unknown, or no more is needed.
  func lookAtOutput(_ model: ModelFile?) throws(BuildError) -> (parent: String, availableSpace: UInt64?) {
    var left: Journal.Content?
    do throws(BuildError) { left = try Journal.left(of: output) } catch {
      guard replacing, !resuming else { throw error }
    }
    let hasProgress = left?.hasProgress == true
    if resuming, hasProgress, let left { try left.identity.check(against: identity(model)) }
    let isComplete = resuming && left?.completed != nil
    let isPublished = isComplete && WorkFolder.path(of: resultName, for: output) == nil
    return try BuildError.onFiles { () throws(FileError) in
      let found = try WorkFolder.look(at: output, replacing: replacing || isPublished)
      if hasProgress, !replacing, !resuming { throw WorkFolder.isOccupied(output: output) }
      return (found.parent, isComplete ? nil : found.availableSpace)
    }
  }

  /// The file in the work folder that takes the output's name.
  private var resultName: String { (trainsOnly ? Self.modelName : IndexBuilder.name) + ".pqx" }

  /// How a build has begun.
  enum Beginning {
    /// Not yet: the work folder is as it was.
    case none
    case fresh
    /// With what another has done, which is not thrown away even if this one gets the wrong input.
    case resumed
  }

  /// Keeps what a failed build has done, if another can go on with it: not where the input itself is at fault.
  func settle(_ beginning: Beginning, after error: BuildError) {
    guard beginning != .none, var folder = try? WorkFolder(output: output) else { return }
    let hasProgress = (try? Journal.read(folder))?.hasProgress == true
    let isResumable = beginning == .resumed || error.isOfTheSurroundings
    folder.keep(hasProgress && isResumable)
    if hasProgress, isResumable {
      progress(.notice("what was done is kept in \(folder.path); --resume goes on with it"))
    }
  }

  /// Publishes what a build before has finished, if it has not done that too.
  func publish(
    _ completed: (vectors: UInt64, length: UInt64, fileID: UInt64), _ folder: consuming WorkFolder
  ) throws(BuildError) -> BuildReport {
    let isPublished = !folder.has(resultName)
    let path = isPublished ? output : folder.file(resultName)
    let header = try ModelFile.header(of: path)
    guard header.fileLength == completed.length, header.fileID == completed.fileID else {
      throw .badData("\(path): another file took the place of the one that was built; start again with --force")
    }
    try BuildError.onFiles { () throws(FileError) in
      // Whoever moved it may have been killed before that was durable.
      if isPublished { try folder.confirmPublished() } else { try folder.publish(resultName, replacing: replacing) }
    }
    folder.keep(false)
    var report = BuildReport()
    report.vectors = completed.vectors
    report.fileBytes = completed.length
    return report
  }
}
