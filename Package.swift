// swift-tools-version: 6.1
import PackageDescription

// The floors, lowest first; a target imports only from floors below its own:
//
//   CBLAS  CLAPACKE  CZlib  CPNG  CTurboJPEG  CCurl  CCrypto  CKernels
//   Basics                  (what every floor needs and no floor is about: files, JSON, text, terminals)
//   Tensors
//   NeuralNetworks | ContrastiveLosses | Datasets      (these three do not know each other)
//   Evaluation | Fetching | TensorBoardEvents   (Fetching alone needs libcurl, TensorBoardEvents alone swift-protobuf)
//   Experiments             (its folders are floors too: Configuration < Records < Training < Arrays)
//   Scheduling | Reports
//   Benchmarking | Programs (what the two programs share)
//   spread-exp | spread-bench
//
// `make lint` holds every file to it.

// `swift run` builds for debugging. The libraries are optimised in that build too, so that the programs run
// at release speed as typed; only when this is the root package, because a dependency may not carry unsafe
// flags.
let isRootPackage = !Context.packageDirectory.contains("/checkouts/")
let optimised: [SwiftSetting] =
  isRootPackage ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []
let optimisedC: [CSetting] =
  isRootPackage ? [.unsafeFlags(["-O3"], .when(configuration: .debug))] : []

let package = Package(
  name: "spread",
  products: [
    .library(name: "Basics", targets: ["Basics"]),
    .library(name: "Tensors", targets: ["Tensors"]),
    .library(name: "NeuralNetworks", targets: ["NeuralNetworks"]),
    .library(name: "ContrastiveLosses", targets: ["ContrastiveLosses"]),
    .library(name: "Datasets", targets: ["Datasets"]),
    .library(name: "Fetching", targets: ["Fetching"]),
    .library(name: "Evaluation", targets: ["Evaluation"]),
    .library(name: "Experiments", targets: ["Experiments"]),
    .library(name: "Reports", targets: ["Reports"]),
    .executable(name: "spread-exp", targets: ["spread-exp"]),
    .executable(name: "spread-bench", targets: ["spread-bench"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    // The library alone: its plugin would compile protoc, and the generated code is committed.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .systemLibrary(name: "CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CLAPACKE", pkgConfig: "lapacke", providers: [.apt(["liblapacke-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CKernels", cSettings: optimisedC),

    .target(name: "Basics", dependencies: ["CKernels", "CZlib"], swiftSettings: optimised),
    .target(
      name: "Tensors", dependencies: ["Basics", "CBLAS", "CLAPACKE", "CZlib", "CKernels"],
      swiftSettings: optimised),

    .target(
      name: "NeuralNetworks", dependencies: ["Basics", "Tensors", "CKernels"], swiftSettings: optimised),
    .target(name: "ContrastiveLosses", dependencies: ["Tensors", "CKernels"], swiftSettings: optimised),
    .target(
      name: "Datasets", dependencies: ["Basics", "Tensors", "CKernels", "CZlib", "CPNG", "CTurboJPEG"],
      swiftSettings: optimised),

    .target(
      name: "Evaluation", dependencies: ["Basics", "Tensors", "NeuralNetworks", "Datasets"],
      swiftSettings: optimised),
    .target(
      name: "Fetching", dependencies: ["Basics", "Datasets", "CCurl", "CCrypto"], swiftSettings: optimised),
    .target(
      name: "TensorBoardEvents",
      dependencies: ["Basics", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["TensorBoard.proto"], swiftSettings: optimised),

    .target(
      name: "Experiments",
      dependencies: [
        "Basics", "Tensors", "NeuralNetworks", "ContrastiveLosses", "Datasets", "Evaluation",
        "TensorBoardEvents",
      ],
      swiftSettings: optimised),

    .target(
      name: "Scheduling", dependencies: ["Basics", "Tensors", "Experiments"], swiftSettings: optimised),
    .target(
      name: "Reports",
      dependencies: ["Basics", "ContrastiveLosses", "Datasets", "Experiments"],
      swiftSettings: optimised),

    .target(
      name: "Benchmarking",
      dependencies: [
        "Basics", "Tensors", "NeuralNetworks", "ContrastiveLosses", "Datasets", "Experiments", "CKernels",
        "CTurboJPEG",
      ],
      swiftSettings: optimised),
    .target(
      name: "Programs",
      dependencies: [
        "Basics", "Tensors", "NeuralNetworks", "ContrastiveLosses", "Experiments", "CKernels",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .executableTarget(
      name: "spread-exp",
      dependencies: [
        "Basics", "Tensors", "ContrastiveLosses", "Datasets", "Fetching", "Experiments", "Scheduling",
        "Reports", "Programs", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "spread-bench",
      dependencies: [
        "Basics", "Tensors", "NeuralNetworks", "ContrastiveLosses", "Experiments", "Benchmarking", "Programs",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // What several test targets share; optimised, because it checks gradients of whole networks.
    .target(
      name: "TestSupport", dependencies: ["Tensors"], path: "Tests/TestSupport", swiftSettings: optimised),
    // Results of runs that were never trained, for the tests of records, queues and tables.
    .target(
      name: "ResultSamples", dependencies: ["Tensors", "Evaluation", "Experiments"],
      path: "Tests/ResultSamples"),
    // A scripted HTTP server on loopback, for the tests of fetching as a library and as a program.
    .target(name: "LoopbackServer", path: "Tests/LoopbackServer"),
    .testTarget(name: "BasicsTests", dependencies: ["Basics", "TestSupport"]),
    .testTarget(name: "TensorsTests", dependencies: ["Basics", "Tensors", "CKernels", "TestSupport"]),
    // Optimised too: these tests compute references and whole networks of 11 million weights themselves.
    .testTarget(
      name: "NeuralNetworksTests", dependencies: ["Tensors", "NeuralNetworks", "CKernels", "TestSupport"],
      swiftSettings: optimised),
    .testTarget(
      name: "ContrastiveLossesTests", dependencies: ["Tensors", "ContrastiveLosses", "TestSupport"]),
    .testTarget(
      name: "DatasetsTests",
      dependencies: ["Basics", "Tensors", "Datasets", "CPNG", "CTurboJPEG", "TestSupport"]),
    .testTarget(name: "EvaluationTests", dependencies: ["Tensors", "Evaluation", "TestSupport"]),
    .testTarget(
      name: "FetchingTests",
      dependencies: ["Basics", "Tensors", "Datasets", "Fetching", "LoopbackServer", "TestSupport"]),
    .testTarget(
      name: "TensorBoardEventsTests",
      dependencies: [
        "TensorBoardEvents", "TestSupport", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .testTarget(
      name: "ExperimentsTests",
      dependencies: [
        "Basics", "Tensors", "NeuralNetworks", "ContrastiveLosses", "Datasets", "Evaluation", "Experiments",
        "ResultSamples", "TestSupport",
      ]),
    .testTarget(
      name: "SchedulingTests",
      dependencies: [
        "Basics", "Tensors", "Evaluation", "Experiments", "Scheduling", "ResultSamples", "TestSupport",
      ]),
    .testTarget(
      name: "ReportsTests",
      dependencies: [
        "Basics", "Tensors", "ContrastiveLosses", "Datasets", "Evaluation", "Experiments", "Reports",
        "ResultSamples", "TestSupport",
      ]),
    .testTarget(name: "BenchmarkingTests", dependencies: ["NeuralNetworks", "Experiments", "Benchmarking"]),
    .testTarget(
      name: "ProgramTests",
      dependencies: [
        "spread-exp", "spread-bench", "Programs", "Basics", "Tensors", "LoopbackServer", "TestSupport",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
