/// What may stand at a place in the manifest. One description drives the checks, the JSON Schema and the reference
/// page, so that they cannot drift apart.
indirect enum Shape: Sendable {
    /// A map with known keys.
    case map(MapShape)
    /// A map whose keys the user chooses.
    case entries(EntriesShape)
    case list(ListShape)
    case scalar(ScalarShape)
    /// One word, or a map for more.
    case wordOr(ScalarShape, MapShape)
    /// Any value that JSON has too.
    case json
}

/// A map with known keys.
struct MapShape: Sendable {
    /// With its article: `a service`.
    var title: String
    /// Several: `services`.
    var fields: [Field]
    /// Groups of keys of which at most one may be set.
    var choices: [Choice] = []
    /// Keys by pattern.
    var families: [FieldFamily] = []
    /// Keys that begin with `x-` are left alone: a place for YAML anchors.
    var allowsExtensions = false

    func field(_ key: String) -> Field? { fields.first { $0.key == key } }
    func family(_ key: String) -> FieldFamily? { families.first { $0.matches(key) } }
    func shape(of key: String) -> Shape? { field(key)?.shape ?? family(key)?.shape }
    /// An empty value stands for an empty map where nothing has to be said.
    var mayBeEmpty: Bool { fields.allSatisfy { !$0.isRequired } && choices.allSatisfy { !$0.isRequired } }
}

/// One key of a map.
struct Field: Sendable {
    var key: String
    var shape: Shape
    var isRequired = false
    /// What holds when it is left out, as it would be written; nil: nothing.
    var standard: String?
    /// One or two sentences.
    var summary: String
    /// The key with a value, as it could be written.
    var example: String

    init(
        _ key: String, _ shape: Shape, required: Bool = false, standard: String? = nil, example: String,
        _ summary: String
    ) {
        self.key = key
        self.shape = shape
        isRequired = required
        self.standard = standard
        self.example = example
        self.summary = summary
    }
}

/// Keys that exclude each other.
struct Choice: Sendable {
    var keys: [String]
    /// One of them must be there…
    var isRequired: Bool
    /// …unless one of these is.
    var unless: [String] = []
}

/// Keys that follow a pattern: `p95`, `p99.9`.
struct FieldFamily: Sendable {
    /// A regular expression for the schema.
    var pattern: String
    var matches: @Sendable (String) -> Bool
    var shape: Shape
    var summary: String
    var example: String
    /// How it is written where keys are listed: `pNN`.
    var label: String
}

/// A map whose keys the user chooses.
struct EntriesShape: Sendable {
    /// `a map from names to services`
    var title: String
    var key: KeyShape
    /// What a key names, with its article: `a service's name`.
    var keyTitle: String
    var value: Shape
    var minimum = 0
    var maximum = 1000
}

/// What a chosen key may be.
enum KeyShape: Sendable {
    /// A DNS label.
    case name
    /// The name of an environment variable.
    case variable
    case headerName
    /// A relative path that stays where it is.
    case relativePath
    /// `items[0].id`
    case jsonPath
    /// `app.kubernetes.io/name`
    case label
    /// Letters, digits, `_` and `-`.
    case identifier
}

/// A list.
struct ListShape: Sendable {
    /// `a list of arguments`
    var title: String
    /// One of them, with its article: `an argument`.
    var itemTitle: String
    var item: Shape
    var minimum = 0
    var maximum = 1000
    /// The same value twice makes no sense.
    var isUnique = false
}

extension Shape {
    /// How a person would say what belongs here: `a list of arguments`.
    var title: String {
        switch self {
        case .map(let map):
            "a map"
                + (map.fields.isEmpty
                    ? ""
                    : " (" + map.fields.prefix(3).map(\.key).joined(separator: ", ")
                        + (map.fields.count > 3 ? ", …" : "") + ")")
        case .entries(let entries): entries.title
        case .list(let list): list.title
        case .scalar(let scalar): scalar.title
        case .wordOr(let scalar, _): "\(scalar.title), or a map"
        case .json: "a value"
        }
    }
}
