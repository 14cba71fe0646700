// swift-tools-version: 6.1
import PackageDescription

// The floors, lowest first; a target imports only from floors below its own:
//
//   CBLAS  CLAPACKE  CZlib  CPNG  CTurboJPEG  CCurl  CCrypto  CKernels
//   Tensors
//   TensorBoardEvents       (the only user of swift-protobuf)
//   NeuralNetworks | ContrastiveLosses | Datasets      (these three do not know each other)
//   Evaluation | Fetching       (Fetching alone needs libcurl: whoever only reads data sets does not load it)
//   Reproduction
//   spread-exp | spread-bench

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
    .library(name: "Tensors", targets: ["Tensors"]),
    .library(name: "NeuralNetworks", targets: ["NeuralNetworks"]),
    .library(name: "ContrastiveLosses", targets: ["ContrastiveLosses"]),
    .library(name: "Datasets", targets: ["Datasets"]),
    .library(name: "Fetching", targets: ["Fetching"]),
    .library(name: "Evaluation", targets: ["Evaluation"]),
    .library(name: "Reproduction", targets: ["Reproduction"]),
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

    .target(
      name: "Tensors", dependencies: ["CBLAS", "CLAPACKE", "CZlib", "CKernels"],
      swiftSettings: optimised),

    .target(
      name: "TensorBoardEvents",
      dependencies: ["Tensors", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["TensorBoard.proto"], swiftSettings: optimised),

    .target(
      name: "NeuralNetworks", dependencies: ["Tensors", "CKernels"], swiftSettings: optimised),
    .target(
      name: "ContrastiveLosses", dependencies: ["Tensors", "CKernels"], swiftSettings: optimised),
    .target(
      name: "Datasets", dependencies: ["Tensors", "CKernels", "CZlib", "CPNG", "CTurboJPEG"],
      swiftSettings: optimised),

    .target(
      name: "Fetching", dependencies: ["Tensors", "Datasets", "CCurl", "CCrypto"],
      swiftSettings: optimised),

    .target(
      name: "Evaluation",
      dependencies: ["Tensors", "NeuralNetworks", "ContrastiveLosses", "Datasets"],
      swiftSettings: optimised),

    .target(
      name: "Reproduction",
      dependencies: [
        "CTurboJPEG", "CKernels", "Tensors", "NeuralNetworks", "ContrastiveLosses", "Datasets",
        "Evaluation", "TensorBoardEvents",
      ],
      swiftSettings: optimised),

    .executableTarget(
      name: "spread-exp",
      dependencies: [
        "Reproduction", "Fetching", "Datasets", "Tensors",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "spread-bench",
      dependencies: [
        "Reproduction", "Tensors", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .testTarget(
      name: "TensorBoardEventsTests",
      dependencies: [
        "TensorBoardEvents", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "CKernels"]),
    // Optimised too: these tests compute references and whole networks of 11 million weights themselves.
    .testTarget(
      name: "NeuralNetworksTests", dependencies: ["NeuralNetworks"], swiftSettings: optimised),
    .testTarget(name: "ContrastiveLossesTests", dependencies: ["ContrastiveLosses"]),
    .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "CPNG", "CTurboJPEG"]),
    // A scripted HTTP server on loopback, for the tests of fetching as a library and as a program.
    .target(name: "LoopbackServer", path: "Tests/LoopbackServer"),
    .testTarget(name: "FetchingTests", dependencies: ["Fetching", "Datasets", "LoopbackServer"]),
    .testTarget(name: "EvaluationTests", dependencies: ["Evaluation"]),
    .testTarget(name: "ReproductionTests", dependencies: ["Reproduction"]),
    .testTarget(
      name: "ProgramTests", dependencies: ["spread-exp", "spread-bench", "Tensors", "LoopbackServer"]),
  ],
  swiftLanguageModes: [.v6]
)
