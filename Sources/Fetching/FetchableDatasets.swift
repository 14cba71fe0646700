import Basics
import Datasets

/// Every data set that `fetch` knows, with what its publisher says of the files.
extension FetchableDataset {
  /// In the order in which they are listed.
  public static let all: [FetchableDataset] = [mnist, cifar10, cifar100, waterbirds, celeba, isic]

  static let mnist = FetchableDataset(
    name: "mnist", title: "MNIST", folder: "mnist", otherFolders: ["MNIST", "MNIST/raw"],
    files: [
      mnistFile("train-images-idx3-ubyte", 9_912_422, "6bbc9ace898e44ae57da46a324031adb", 47_040_016),
      mnistFile("train-labels-idx1-ubyte", 28_881, "a25bea736e30d166cdddb491f175f624", 60_008),
      mnistFile("t10k-images-idx3-ubyte", 1_648_877, "2646ac647ad5339dbf082846283269ea", 7_840_016),
      mnistFile("t10k-labels-idx1-ubyte", 4_542, "27ae3e4e09519cfbb04c329615203637", 10_008),
    ])

  private static func mnistFile(_ name: String, _ size: Int, _ md5: String, _ bytes: Int) -> RemoteFile {
    let mirrors = [
      "https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    return RemoteFile(
      name: name + ".gz", addresses: mirrors.map { $0 + name + ".gz" }, size: size,
      contents: .unwrapped(md5: md5, bytes: bytes))
  }

  static let cifar10 = FetchableDataset(
    name: "cifar10", title: "CIFAR-10", folder: "cifar10",
    otherFolders: ["cifar-10", "CIFAR10", "CIFAR-10", ""],
    files: [cifarFile("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170_052_171)])

  static let cifar100 = FetchableDataset(
    name: "cifar100", title: "CIFAR-100", folder: "cifar100",
    otherFolders: ["cifar-100", "CIFAR100", "CIFAR-100", ""],
    files: [cifarFile("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", 168_513_733)])

  private static func cifarFile(_ name: String, _ md5: String, _ bytes: Int) -> RemoteFile {
    RemoteFile(
      name: name, addresses: ["https://www.cs.toronto.edu/~kriz/" + name], size: bytes,
      contents: .file(md5: md5, bytes: bytes))
  }

  static let waterbirds = FetchableDataset(
    name: "waterbirds", title: "Waterbirds",
    directions: """
      Its images are from CUB-200-2011, for non-commercial research, and Places: read their terms first.
        get   https://nlp.stanford.edu/data/dro/waterbird_complete95_forest2water2.tar.gz
        then  tar -xzf waterbird_complete95_forest2water2.tar.gz -C {data}
        so that {data}/waterbird_complete95_forest2water2/metadata.csv is there
      """)

  static let celeba = FetchableDataset(
    name: "celeba", title: "CelebA",
    directions: """
      Its makers ask every user to agree to their terms (non-commercial research, no redistribution).
        get   img_align_celeba.zip, list_attr_celeba.txt and list_eval_partition.txt ("Align&Cropped Images",
              "Attributes Annotations", "Train/Val/Test Partitions")
        from  https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
        then  put the two tables into {data}/celeba and unpack the images there
              (unzip img_align_celeba.zip -d {data}/celeba)
        so that {data}/celeba/img_align_celeba/000001.jpg is there
      """)

  static let isic = FetchableDataset(
    name: "isic", title: "ISIC",
    directions: """
      Each image has a licence of its own (CC-0, CC-BY or CC-BY-NC).
        get   the JPEG images of the archive with their metadata
        from  https://www.isic-archive.com
        then  put the images into {data}/isic/images and write {data}/isic/labels.csv with the columns image,
              malignant (0 or 1) and patch (1 where a coloured patch is in the picture: the images in the patch
              lists of https://github.com/laura-rieger/deep-explanation-penalization)
      """)

  /// The data sets that names mean, each once, in the order given; `all` means every one.
  ///
  /// The names of tasks are understood too, and spellings with hyphens: "CIFAR100-Coarse-U" and "cifar-100" are
  /// fetched as `cifar100`.
  /// - Throws: `FetchUsageError` that names the nearest valid name.
  public static func named(_ names: [String], nearest: (String, [String]) -> String?) throws
    -> [FetchableDataset]
  {
    var result: [FetchableDataset] = []
    for name in names {
      let lower = name.lowercased()
      let plain = Catalogue.task(lower)?.source.name ?? lower.filter { $0 != "_" && $0 != "-" }
      let meant = plain == "all" ? all : all.filter { $0.name == plain }
      guard !meant.isEmpty else {
        let known = all.map(\.name) + ["all"]
        throw FetchUsageError(
          "there is no data set `\(name)` to fetch\(nearest(plain, known).map { "; nearest: `\($0)`" } ?? "") "
            + "(known: \(known.joined(separator: ", ")))")
      }
      for dataset in meant where !result.contains(where: { $0.name == dataset.name }) {
        result.append(dataset)
      }
    }
    return result
  }
}
