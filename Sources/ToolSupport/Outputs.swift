internal import PQFormat
internal import PQStorage

/// Throws `.usage` for an output that is a file which the tool reads.
public func refuse(outputs: [String?], among inputs: [String?]) throws {
  for output in outputs.compactMap({ $0 }) where output != "-" {
    for input in inputs.compactMap({ $0 }) where input != "-" && areSameFile(output, input) {
      throw ToolFailure(.usage, "\(output) is the file that \(input) is read from; name another one to write")
    }
  }
}
