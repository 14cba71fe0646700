/// Class names of the CIFAR data sets, as their files `batches.meta.txt`, `fine_label_names.txt` and
/// `coarse_label_names.txt` have them.
///
/// - Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and the data sets' page,
///   https://www.cs.toronto.edu/~kriz/cifar.html
enum CIFARNames {
  static let ten = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  static let animals: Set = ["bird", "cat", "deer", "dog", "frog", "horse"]

  /// The superclasses in the order of their labels, with their classes.
  static let superclasses: [(name: String, classes: [String])] = [
    ("aquatic_mammals", ["beaver", "dolphin", "otter", "seal", "whale"]),
    ("fish", ["aquarium_fish", "flatfish", "ray", "shark", "trout"]),
    ("flowers", ["orchid", "poppy", "rose", "sunflower", "tulip"]),
    ("food_containers", ["bottle", "bowl", "can", "cup", "plate"]),
    ("fruit_and_vegetables", ["apple", "mushroom", "orange", "pear", "sweet_pepper"]),
    ("household_electrical_devices", ["clock", "keyboard", "lamp", "telephone", "television"]),
    ("household_furniture", ["bed", "chair", "couch", "table", "wardrobe"]),
    ("insects", ["bee", "beetle", "butterfly", "caterpillar", "cockroach"]),
    ("large_carnivores", ["bear", "leopard", "lion", "tiger", "wolf"]),
    ("large_man-made_outdoor_things", ["bridge", "castle", "house", "road", "skyscraper"]),
    ("large_natural_outdoor_scenes", ["cloud", "forest", "mountain", "plain", "sea"]),
    ("large_omnivores_and_herbivores", ["camel", "cattle", "chimpanzee", "elephant", "kangaroo"]),
    ("medium_mammals", ["fox", "porcupine", "possum", "raccoon", "skunk"]),
    ("non-insect_invertebrates", ["crab", "lobster", "snail", "spider", "worm"]),
    ("people", ["baby", "boy", "girl", "man", "woman"]),
    ("reptiles", ["crocodile", "dinosaur", "lizard", "snake", "turtle"]),
    ("small_mammals", ["hamster", "mouse", "rabbit", "shrew", "squirrel"]),
    ("trees", ["maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"]),
    ("vehicles_1", ["bicycle", "bus", "motorcycle", "pickup_truck", "train"]),
    ("vehicles_2", ["lawn_mower", "rocket", "streetcar", "tank", "tractor"]),
  ]

  static let coarse = superclasses.map(\.name)

  /// The hundred classes; their labels follow the alphabet.
  static let hundred = superclasses.flatMap(\.classes).sorted()

  /// For each of the hundred classes, its superclass.
  static let coarseOfFine: [Int] = hundred.map { name in
    superclasses.firstIndex { $0.classes.contains(name) }!
  }

  /// Other spellings that copies of the files have.
  static let otherSpellings = [
    "computer_keyboard": "keyboard", "medium-sized_mammals": "medium_mammals",
  ]
}
