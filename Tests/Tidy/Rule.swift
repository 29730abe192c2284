/// What a program can check of the rules in `docs/internals/architecture.md` and `CONTRIBUTING.md`.
enum Rule: String, CaseIterable, Sendable {
    /// Imports point down, and no adapter knows another one.
    case floor
    /// Pure floors stand on nothing that reads, writes, waits or logs.
    case outside
    /// Foundation with its Unicode tables, where FoundationEssentials will do.
    case icu
    /// Core and the engine's loop: no clock, randomness, I/O, async, global.
    case purity
    /// Core and the engine's loop: no answer depends on the order of a Set or Dictionary.
    case unordered
    /// Core, Ports and the engine: a switch over an enum names every case.
    case openSwitch
    case fileLength
    case functionLength
    case lineLength
    /// Names say the role.
    case name
    /// A module does not share its name with a type inside it.
    case moduleName
    /// What is left for later is an issue, not a comment.
    case mark
    case force
    /// A cause is thrown on, answered with, or written down.
    case lostCause
    case ownerlessTask
    /// Whoever switches the compiler's checks off says why it is safe.
    case unchecked
    /// Tests poll with a deadline.
    case sleep
    case docComment
    case link
    case machinePath
    /// A decision record says context, decision, consequences.
    case decision
    /// The Chinese page has the same sections and examples as the English one.
    case translation

    func findings(in tree: Tree) -> [Finding] {
        tree.swift.flatMap { findings(in: $0) } + findings(beyondSwift: tree)
    }

    /// What one Swift file shows by itself.
    func findings(in source: SwiftSource) -> [Finding] {
        switch self {
        case .floor: floors(source)
        case .outside: outsiders(source)
        case .icu: unicodeTables(source)
        case .purity: impurities(source)
        case .unordered: unorderedAnswers(source)
        case .openSwitch: openSwitches(source)
        case .fileLength: longFile(source)
        case .functionLength: longFunctions(source)
        case .lineLength: longLines(source)
        case .name: vagueNames(source)
        case .moduleName: shadowedModules(source)
        case .mark: marks(source.path, source.lines)
        case .force: forced(source)
        case .lostCause: lostCauses(source)
        case .ownerlessTask: ownerlessTasks(source)
        case .unchecked: unexplained(source)
        case .sleep: sleeps(source)
        case .docComment: undocumented(source)
        case .machinePath: machinePaths(source.path, source.lines)
        case .link, .decision, .translation: []
        }
    }

    private func findings(beyondSwift tree: Tree) -> [Finding] {
        switch self {
        case .floor: declaredFloors(tree)
        case .mark: tree.texts.flatMap { marks($0.path, $0.lines) }
        case .machinePath: tree.texts.flatMap { machinePaths($0.path, $0.lines) }
        case .link: brokenLinks(tree)
        case .decision: incompleteDecisions(tree)
        case .translation: untranslated(tree)
        case .outside, .icu, .purity, .unordered, .openSwitch, .fileLength, .functionLength, .lineLength, .name,
            .moduleName, .force, .lostCause, .ownerlessTask, .unchecked, .sleep, .docComment:
            []
        }
    }

    func finding(_ path: String, _ line: Int, _ message: String) -> Finding {
        Finding(rule: self, path: path, line: line, message: message)
    }
}

/// A place that breaks a rule.
struct Finding: Hashable, Sendable, CustomStringConvertible {
    var rule: Rule
    /// From the repository's root.
    var path: String
    /// From 1.
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message) [\(rule.rawValue)]" }
}
