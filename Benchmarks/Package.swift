// swift-tools-version: 6.2
import PackageDescription

// Micro-benchmarks, in a package of their own: who uses or tests the library does not build what they need.

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
]
let cSettings: [CSetting] = [.treatAllWarnings(as: .error)]
let benchmark = Target.Dependency.product(name: "Benchmark", package: "benchmark")
// Makes the entry point of an executable that has `benchmarks`; it looks for targets in folders of `Benchmarks`.
let plugin = Target.PluginUsage.plugin(name: "BenchmarkPlugin", package: "benchmark")

let package = Package(
  name: "pqx-benchmarks",
  dependencies: [
    .package(name: "pqx", path: ".."),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .target(
      name: "CKernelTrials", dependencies: [.product(name: "CPQKernels", package: "pqx")], path: "CKernelTrials",
      cSettings: cSettings),
    .executableTarget(name: "scan-rate", dependencies: ["CKernelTrials"], path: "ScanRate", cSettings: cSettings),
    .executableTarget(
      name: "list-choice", dependencies: [.product(name: "PQSearch", package: "pqx")], path: "ListChoice",
      swiftSettings: settings),
    .executableTarget(
      name: "KernelBenchmarks", dependencies: [benchmark, "CKernelTrials"], path: "Kernels", swiftSettings: settings,
      plugins: [plugin]),
    .executableTarget(
      name: "IndexBenchmarks",
      dependencies: [
        benchmark, .product(name: "PQBuild", package: "pqx"), .product(name: "PQSearch", package: "pqx"),
      ], path: "Index", swiftSettings: settings, plugins: [plugin]),
  ]
)
