import Basics
import ContrastiveLosses
import Datasets
import Evaluation
import NeuralNetworks

/// Everything that decides the result of a training run, and the few things that do not (seeds, threads,
/// where files are).
///
/// It is read strictly from JSON (see `ExperimentFile`) and saved with every default in place, so that a
/// saved one repeats its run whatever the defaults become.
public struct ExperimentConfiguration: Sendable, Equatable {
  /// The folder of the runs, for example "mnist-coarse".
  public var experiment = "experiment"
  /// For tables, for example "MNIST-Coarse".
  public var title = ""
  /// The profile that was chosen; "custom" when the file has none.
  public var profile = "custom"
  /// The images and labels. They do not depend on the run's seed.
  public var data = DataSettings()
  /// The network whose embeddings are trained and measured.
  public var encoder = EncoderChoice.defaults
  /// The contrastive loss; `classifier.weight` times the cross entropy is added to it.
  public var objective = ContrastiveObjective.defaults
  /// A head between the encoder and the contrastive loss; none by default.
  public var projection = ProjectionHead.Configuration()
  /// The classifier trained with the encoder: its validation accuracy chooses the epoch, its test accuracy is
  /// the end model's.
  public var classifier = ClassifierSettings()
  /// How gradients become steps, for encoder, head and classifier alike.
  public var optimiser = OptimiserConfiguration.defaults
  /// The factor on `optimiser.rate` as training goes on.
  public var schedule = Schedule.defaults
  /// Passes over the training images, each without what does not fill a batch. Early stopping may end
  /// training before; the schedule is laid out over all of them.
  public var epochs = 100
  /// Images a step; each is seen in two views.
  public var batchSize = 128
  /// Random changes that make the two views; images that are evaluated are not changed.
  public var augmentation = Augmentation.defaults
  /// Images held out to choose the best epoch, the same ones for every seed.
  public var validation = ValidationSettings()
  /// The linear classifier that learns the fine labels from frozen embeddings, once training has ended.
  public var probe = LinearProbe.Configuration()
  /// Classification of test images by their nearest training images, once training has ended.
  public var neighbours = NeighbourSettings()
  /// Accuracy by nearest neighbours while training goes on. Not part of a run's identity.
  public var monitor = MonitorSettings()
  /// When training ends before its last epoch; by default never. Part of a run's identity.
  public var earlyStopping = EarlyStoppingSettings()
  /// Networks kept beside the last and the best; by default none. Not part of a run's identity.
  public var checkpoints = CheckpointSettings()
  /// Event files for TensorBoard; written by default. Not part of a run's identity.
  public var tensorBoard = TensorBoardSettings()
  /// One run each.
  public var seeds = [0, 1, 2]
  /// Nil: `SPREAD_THREADS`, else the cores this process may use, or in a queue the run's share of them. `--threads`
  /// wins over it.
  public var threads: Int?

  /// Creates settings with default values.
  public init() {}
}

extension ExperimentConfiguration: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "experiment", \.experiment, .folderName, "The experiment's name, a folder under the runs' folder."),
      .value("title", \.title, "The data set's name in tables."),
      .value("profile", \.profile, .folderName, "Which profile this was resolved for."),
      .section("data", \.data, "The images and labels."),
      .section("encoder", \.encoder, "The network."),
      .section("loss", \.objective, "The contrastive loss."),
      .section("projection", \.projection, "A head between the network and the contrastive loss.")
        .omitted { !$0.projection.isOn },
      .section("classifier", \.classifier, "The classifier trained with the encoder."),
      .section("optimiser", \.optimiser, "How gradients become steps."),
      .section("schedule", \.schedule, "The learning rate's factor as training goes on."),
      .value("epochs", \.epochs, .within(1...100_000), "Passes over the training images."),
      .value("batchSize", \.batchSize, .within(2...65_536), "Images a step, each in two views."),
      .section("augmentation", \.augmentation, "Random changes that make the two views."),
      .section("validation", \.validation, "Images held out to choose the best epoch."),
      .section("probe", \.probe, "The linear classifier on frozen embeddings."),
      .section("neighbours", \.neighbours, "Classification by nearest neighbours."),
      .section(
        "monitor", \.monitor,
        "Accuracy by nearest neighbours while training goes on. Not part of a run's identity."),
      .section(
        "earlyStopping", \.earlyStopping, "Ends training when the validation accuracy has stopped rising."
      ).omitted { !$0.earlyStopping.isOn },
      .section(
        "checkpoints", \.checkpoints,
        "Networks kept beside the last and the best. Not part of a run's identity."
      ).omitted { $0.checkpoints == CheckpointSettings() },
      .section(
        "tensorBoard", \.tensorBoard, "Event files for TensorBoard. Not part of a run's identity."),
      .value("seeds", \.seeds, .distinct(0...Int(Int32.max)), "One run each."),
      .value(
        "threads", \.threads, Limits<Int>.within(1...1024).orAbsent(),
        "Threads, unless --threads says otherwise; absent: SPREAD_THREADS, else all cores (in a queue, its share). Not part of a run's identity."
      ),
    ]
  }

  package var conflict: (key: String, problem: String)? {
    if let conflict = schedule.conflict(withEpochs: epochs) {
      return ("schedule.\(conflict.key)", conflict.problem)
    }
    return nil
  }
}

extension ExperimentConfiguration {
  /// Reads one configuration, such as a run folder's; keys that are absent take their defaults.
  /// - Throws: `ConfigurationError` naming the line, the key's path and the nearest valid key.
  public init(json text: String, source: String) throws {
    try self.init(node: JSONNode(parsing: text, source: source), path: "")
  }

  /// Every setting, defaults included, as JSON.
  public var json: String { node.prettyText }

  /// What decides the result, apart from the seed: two configurations with equal identity and seed give the
  /// same result on one machine with one number of threads.
  public var identity: ExperimentConfiguration {
    var identity = self
    identity.seeds = [0]
    identity.threads = nil
    identity.data.folder = nil
    identity.title = ""
    identity.monitor = MonitorSettings()
    identity.checkpoints = CheckpointSettings()
    identity.tensorBoard = TensorBoardSettings()
    return identity
  }

  /// Eight hexadecimal digits of the identity's FNV-1a hash: they tell run folders apart.
  public var fingerprint: String {
    // What only looks on is left out altogether: the fingerprints of runs must not change when it is added to.
    Self.fingerprint(ofIdentity: ["monitor", "tensorBoard"].reduce(identity.node) { $0.removing($1) })
  }

  /// The fingerprint that the version which saved a configuration gave it, whatever keys and defaults were added
  /// since: it is computed from the text as it is there.
  static func fingerprint(asWritten saved: JSONNode) -> String {
    var node = ["threads", "monitor", "checkpoints", "tensorBoard"].reduce(saved) { $0.removing($1) }
    if node["seeds"] != nil { node = node.setting("seeds", to: .array([.integer(0)])) }
    if node["title"] != nil { node = node.setting("title", to: .string("")) }
    if let data = node["data"] { node = node.setting("data", to: data.removing("folder")) }
    return fingerprint(ofIdentity: node)
  }

  private static func fingerprint(ofIdentity node: JSONNode) -> String {
    var fingerprint = Fingerprint()
    fingerprint.add(bytes: node.compactText.utf8)
    return fingerprint.shortText
  }
}
