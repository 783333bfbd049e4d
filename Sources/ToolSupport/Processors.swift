internal import CPQSystem
internal import PQKernels

/// How many processors this process may run on, at most as many as there may be threads: the number of threads by default.
/// Quotas of time are not looked at.
public var usableProcessors: Int { min(Int(cpq_processors()), Threads.range.upperBound) }
