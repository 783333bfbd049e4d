// swift-tools-version: 6.2
import PackageDescription

// Targets stand in the order in which data travels: kernels, format, storage, model, build, search, tools.

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  // Needed to return spans from computed properties and functions.
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]
let cSettings: [CSetting] = [.treatAllWarnings(as: .error)]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + ["ToolSupport", argumentParser],
    swiftSettings: settings)
}

func test(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["PQTestSupport"], swiftSettings: settings)
}

let package = Package(
  name: "pqx",
  products: [
    .library(name: "PQBuild", targets: ["PQBuild"]),
    .library(name: "PQSearch", targets: ["PQSearch"]),
    // For Benchmarks/, which times kernels without the layers above.
    .library(name: "CPQKernels", targets: ["CPQKernels"]),
    .executable(name: "pq-build", targets: ["pq-build"]),
    .executable(name: "pq-search", targets: ["pq-search"]),
    .executable(name: "pq-inspect", targets: ["pq-inspect"]),
    .executable(name: "pq-data", targets: ["pq-data"]),
    .executable(name: "pq-demo", targets: ["pq-demo"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .target(name: "CPQKernels", cSettings: cSettings, linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CPQSystem", cSettings: cSettings),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),

    library("PQKernels", ["CPQKernels"]),
    library("PQFormat", ["PQKernels"]),
    library("PQStorage", ["PQFormat", "CLZ4", "CPQSystem", system]),
    library("PQModel", ["PQKernels"]),
    library("PQBuild", ["PQModel", "PQFormat", "PQStorage"]),
    library("PQSearch", ["PQFormat", "PQStorage", "PQKernels"]),

    .target(
      name: "SIFTSample",
      exclude: ["README.md"],
      resources: ["base.bvecs", "learn.bvecs", "query.bvecs", "groundtruth.ivecs"].map { .copy($0) },
      swiftSettings: settings),

    library("ToolSupport", ["CPQSystem", "PQFormat", "PQKernels", "PQStorage", argumentParser]),
    tool("pq-build", ["PQBuild", "PQFormat", "PQKernels", "PQStorage"]),
    tool("pq-search", ["PQSearch", "PQFormat", "PQKernels", "PQStorage", histogram]),
    tool("pq-inspect", ["PQSearch", "PQFormat", "PQKernels"]),
    tool("pq-data", ["PQSearch", "PQStorage", "PQFormat", "PQKernels"]),
    tool("pq-demo", ["PQBuild", "PQSearch", "PQFormat", "PQStorage", "SIFTSample"]),

    .target(
      name: "Formats", path: "Formats", exclude: ["pqx-v1.md", "reader.py", "blocks.py", "distances.py"],
      resources: [.copy("golden")], swiftSettings: settings),
    .target(name: "PQTestSupport", path: "Tests/PQTestSupport", swiftSettings: settings),
    .target(
      name: "PQDamage",
      dependencies: [
        "Formats", "PQBuild", "PQFormat", "PQKernels", "PQModel", "PQSearch", "PQStorage", "PQTestSupport",
      ],
      path: "Tests/PQDamage", swiftSettings: settings),
    .executableTarget(
      name: "trust",
      dependencies: [
        "Formats", "PQDamage", "PQFormat", "PQKernels", "PQSearch", "PQStorage", "PQTestSupport", "pq-build",
        argumentParser,
      ],
      path: "Tests/trust",
      swiftSettings: settings),
    test("PQKernelsTests", ["CPQKernels", "PQKernels", "PQFormat"]),
    test("PQFormatTests", ["PQFormat", "PQKernels"]),
    test("PQStorageTests", ["CPQSystem", "PQStorage", "PQFormat"]),
    test("PQSearchTests", ["PQSearch", "PQStorage", "PQFormat", "SIFTSample"]),
    test("FormatsTests", ["Formats", "PQBuild", "PQFormat", "PQKernels", "PQModel", "PQSearch", "PQStorage"]),
    test("PQBuildTests", ["PQDamage", "PQBuild", "PQFormat", "PQSearch", "PQStorage"]),
    test("PQToolTests", ["pq-build", "pq-search"]),
    test("PQDataTests", ["pq-data"]),
    test("PQDemoTests", ["pq-demo", "PQBuild", "PQSearch", "SIFTSample"]),
    test("PQInspectTests", ["Formats", "pq-inspect", "PQDamage", "PQFormat", "PQSearch"]),
    test(
      "PQTrustTests", ["Formats", "pq-build", "pq-inspect", "trust", "PQDamage", "PQFormat", "PQSearch", "PQStorage"]),
    test("PQModelTests", ["PQModel", "PQKernels"]),
    test(
      "PQIndexTests",
      ["PQDamage", "PQSearch", "PQBuild", "PQModel", "PQKernels", "PQFormat", "PQStorage", "pq-search"]),
  ]
)

// These link with libFuzzer, which only Tests/fuzz.sh asks for.
if Context.environment["PQX_FUZZ"] != nil {
  package.targets += [
    .systemLibrary(name: "CFuzzer", path: "Tests/CFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["CFuzzer", "PQDamage"], path: "Tests/Fuzz", swiftSettings: settings),
  ]
}
