import Yams

/// Turns YAML text into a `Tree`, within limits that no honest manifest comes near.
struct TreeReader {
    /// Bytes of a manifest.
    static let maximumSize = 1 << 20
    /// Values in a manifest with its aliases written out.
    static let maximumNodes = 50_000
    /// Maps and lists inside each other.
    static let maximumDepth = 64

    let file: String
    /// What messages call it.
    var noun = "the manifest"
    /// How many times the size and the values of a manifest it may have.
    var times = 1
    var findings: Findings
    private var nodes = 0
    private var isExhausted = false

    init(file: String) {
        self.file = file
        findings = Findings(file: file)
    }

    /// Nil when there is no tree: the findings then hold an error.
    mutating func read(_ text: String) -> Tree? {
        guard text.utf8.count <= Self.maximumSize * times else {
            findings.error(
                .tooLarge, .start,
                "\(noun) has \(text.utf8.count) bytes, more than the \(Self.maximumSize * times) allowed",
                hint: "move long texts into template files and name them in `files:`")
            return nil
        }
        if let place = AliasLimit.firstRisk(in: text) {
            findings.error(
                .tooComplex, place, "aliases are used inside keys, or close to it, and multiply too often",
                hint: "write keys as plain words, and repeat values instead of nesting aliases")
            return nil
        }
        do {
            // Without rules, since each field decides for itself what its text means. The encoding is named because
            // the default asks an environment variable.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            guard let root = try parser.singleRoot() else { return Tree(place: .start, content: .map([])) }
            guard let tree = convert(root, depth: 0), !isExhausted else { return nil }
            return tree
        } catch let error as YamlError {
            SyntaxTrouble(text: text).report(error, to: &findings)
            return nil
        } catch {
            findings.error(.syntax, .start, "\(noun) cannot be read as YAML: \(error)")
            return nil
        }
    }

    private mutating func convert(_ node: Node, depth: Int) -> Tree? {
        let place = node.place
        nodes += 1
        guard nodes <= Self.maximumNodes * times else {
            exhaust(place, "\(noun) has more than \(Self.maximumNodes * times) values, its aliases written out")
            return nil
        }
        guard depth <= Self.maximumDepth else {
            exhaust(place, "\(noun) is nested more than \(Self.maximumDepth) levels deep")
            return nil
        }
        switch node {
        case .scalar(let scalar): return convert(scalar, at: place)
        case .sequence(let sequence):
            checkTag(sequence.tag, allowed: .seq, at: place)
            var items: [Tree] = []
            items.reserveCapacity(sequence.count)
            for item in sequence {
                guard let tree = convert(item, depth: depth + 1) else { return nil }
                items.append(tree)
            }
            return Tree(place: place, content: .list(items))
        case .mapping(let mapping):
            checkTag(mapping.tag, allowed: .map, at: place)
            guard let entries = convert(mapping, depth: depth) else { return nil }
            return Tree(place: place, content: .map(entries))
        case .alias:
            // The parser replaces aliases; one that is left stands for nothing.
            findings.error(.syntax, place, "an alias that names no anchor")
            return Tree(place: place, content: .scalar(TreeScalar(text: "", isPlain: true)))
        }
    }

    private mutating func exhaust(_ place: Place, _ message: String) {
        if !isExhausted {
            findings.error(.tooComplex, place, message, hint: "use fewer aliases (`*name`) inside each other")
        }
        isExhausted = true
    }

    private mutating func convert(_ scalar: Node.Scalar, at place: Place) -> Tree {
        let quoted = Tree(place: place, content: .scalar(TreeScalar(text: scalar.string, isPlain: false)))
        let plain = Tree(place: place, content: .scalar(TreeScalar(text: scalar.string, isPlain: true)))
        let isPlainStyle = scalar.style == .plain || scalar.style == .any
        let tag = scalar.tag.rawValue
        let values: [Tag.Name] = [.int, .float, .bool, .null]
        if tag == Tag.Name.implicit.rawValue { return isPlainStyle ? plain : quoted }
        if tag == Tag.Name.str.rawValue || tag == Tag.Name.nonSpecific.rawValue { return quoted }
        if values.contains(where: { $0.rawValue == tag }) { return plain }
        refuse(tag, at: place)
        return plain
    }

    private mutating func checkTag(_ tag: Tag, allowed: Tag.Name, at place: Place) {
        let name = tag.rawValue
        if name != Tag.Name.implicit.rawValue, name != Tag.Name.nonSpecific.rawValue, name != allowed.rawValue {
            refuse(name, at: place)
        }
    }

    private mutating func refuse(_ tag: String, at place: Place) {
        let prefix = "tag:yaml.org,2002:"
        let name = tag.hasPrefix(prefix) ? "!!" + tag.dropFirst(prefix.count) : tag
        findings.error(.badTag, place, "the tag `\(name)` means nothing here", hint: "leave the tag out")
    }

    private mutating func convert(_ mapping: Node.Mapping, depth: Int) -> [TreeEntry]? {
        var entries: [TreeEntry] = []
        var merges: [(place: Place, value: Tree)] = []
        entries.reserveCapacity(mapping.count)
        for (key, value) in mapping {
            nodes += 1
            guard let tree = convert(value, depth: depth + 1) else { return nil }
            guard case .scalar(let scalar) = key else {
                findings.error(
                    .badKey, key.place, "a key must be a word", hint: "put quotes around a text with brackets")
                continue
            }
            if scalar.string == "<<", scalar.style == .plain {
                merges.append((key.place, tree))
            } else {
                entries.append(TreeEntry(key: scalar.string, keyPlace: key.place, value: tree))
            }
        }
        for merge in merges { apply(merge.value, at: merge.place, to: &entries) }
        return entries
    }

    /// A merge key (`<<: *defaults`, `<<: [*a, *b]`): what is there stays; of a list, earlier maps win.
    private mutating func apply(_ value: Tree, at place: Place, to entries: inout [TreeEntry]) {
        var sources: [Tree] = []
        switch value.content {
        case .map: sources = [value]
        case .list(let items): sources = items
        case .scalar: break
        }
        let areMaps = sources.allSatisfy {
            if case .map = $0.content { return true }
            return false
        }
        guard !sources.isEmpty, areMaps else {
            findings.error(
                .badMerge, place, "`<<` takes a map or a list of maps", hint: "for example `<<: *defaults`")
            return
        }
        var known = Set(entries.map(\.key))
        for source in sources {
            for entry in source.entries where known.insert(entry.key).inserted { entries.append(entry) }
        }
    }
}

extension Node {
    fileprivate var place: Place { mark.map { Place(line: $0.line, column: $0.column) } ?? .start }
}
