internal import CPQSystem
internal import PQKernels

/// The processors that this process may run on, as far as there may be a thread for each: what tools take by default.
public var usableProcessors: Int { min(Int(cpq_processors()), Threads.range.upperBound) }
