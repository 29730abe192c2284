import FoundationEssentials
import KubernetesObjects
import Synchronization

/// The state of the double: objects by kind, every change of them numbered, and who follows the changes.
package actor Cluster {
    var kinds: [KindID: ServedKind]
    var objects: [KindID: [ObjectKey: ObjectValue]] = [:]
    private(set) var index: [KindID: ObjectIndex] = [:]
    private(set) var tallies: [KindID: Tally] = [:]
    /// Of the last change.
    private(set) var version: UInt64 = 1
    private(set) var changes: [Change] = []
    /// What happened up to here is forgotten: who asks for it is told 410.
    private(set) var forgotten: UInt64 = 0
    var followers: [Int: Follower] = [:]
    var nextFollower = 0
    private var nextNumber: UInt64 = 0
    let settings: ClusterSettings
    /// Where pods are processes.
    let kubelet: Kubelet?
    let forwarders: Forwarders?
    private var services: UInt64 = 0
    /// What controllers have to look at.
    var pending: [ObjectKey] = []
    private let bell: AsyncStream<Void>.Continuation
    nonisolated let rings: AsyncStream<Void>
    /// Due times of pods that change by themselves.
    var timers: [Timer] = []
    private let clock: AsyncStream<Timer>.Continuation
    nonisolated let alarms: AsyncStream<Timer>
    /// Names of pods whose program was started, once for each start.
    package internal(set) var starts: [String] = []

    /// By their text.
    var tokens: [String: IssuedToken] = [:]

    struct Timer: Sendable {
        var due: ContinuousClock.Instant
        var key: ObjectKey
    }

    struct Change: Sendable {
        var version: UInt64
        var key: ObjectKey
        /// Nil: it was deleted.
        var after: ObjectValue?
        var before: ObjectValue?
    }

    package init(_ settings: ClusterSettings) {
        self.settings = settings
        kubelet = settings.programs.map { Kubelet($0) }
        forwarders = settings.programs.map { _ in Forwarders() }
        kinds = Dictionary(ServedKind.builtIn.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        (alarms, clock) = AsyncStream.makeStream(of: Timer.self, bufferingPolicy: .bufferingOldest(100_000))
    }

    // MARK: - Reading

    func object(_ key: ObjectKey) -> ObjectValue? { objects[key.kind]?[key] }

    func object(_ kind: KindID, _ namespace: String, _ name: String) -> ObjectValue? {
        object(ObjectKey(kind: kind, namespace: namespace, name: name))
    }

    /// Sorted by namespace and name, as an API server answers.
    func all(_ kind: KindID, _ namespace: String?) -> [ObjectValue] {
        guard let namespace else {
            return (objects[kind] ?? [:]).sorted { ($0.key.namespace, $0.key.name) < ($1.key.namespace, $1.key.name) }
                .map(\.value)
        }
        return keys(kind, namespace).sorted { $0.name < $1.name }.compactMap { object($0) }
    }

    /// Those with labels that a selector asks for, sorted by name.
    func all(_ kind: KindID, _ namespace: String, meant selector: LabelSelector, _ labels: ObjectValue) -> [ObjectValue]
    {
        (index[kind]?.candidates(labels, in: namespace) ?? []).sorted { $0.name < $1.name }.compactMap { object($0) }
            .filter { selector.matches($0.at("metadata", "labels") ?? [:]) }
    }

    /// As it was at an earlier version.
    func all(_ kind: KindID, _ namespace: String?, at past: UInt64) -> [ObjectValue] {
        var state = objects[kind] ?? [:]
        for change in changes.reversed() where change.version > past && change.key.kind == kind {
            state[change.key] = change.before
        }
        return state.filter { namespace == nil || $0.key.namespace == namespace }
            .sorted { ($0.key.namespace, $0.key.name) < ($1.key.namespace, $1.key.name) }.map(\.value)
    }

    func object(_ key: ObjectKey, at past: UInt64) -> ObjectValue? {
        for change in changes where change.version > past && change.key == key { return change.before }
        return object(key)
    }

    // MARK: - Changing

    /// Takes over an object, or its end, and tells those who follow.
    @discardableResult
    func store(_ value: ObjectValue?, at key: ObjectKey) -> ObjectValue? {
        version += 1
        let before = objects[key.kind]?[key]
        var after = value?.setting(["metadata", "resourceVersion"], to: .text(String(version)))
        objects[key.kind, default: [:]][key] = after
        index[key.kind, default: ObjectIndex()].note(key, before: before, after: after)
        tallies[key.kind, default: Tally()].note(before: before, after: after)
        let change = Change(version: version, key: key, after: after, before: before)
        changes.append(change)
        if changes.count > settings.memory * 2 {
            forgotten = changes[settings.memory].version
            changes.removeFirst(settings.memory)
        }
        for (id, follower) in followers where !tell(follower, change) { end(id, isLate: true) }
        if key.kind == .definitions { serve(after, before) }
        if after == nil { after = before?.setting(["metadata", "resourceVersion"], to: .text(String(version))) }
        touch(key)
        if key.kind == .pods, let before, before.at("metadata", "labels") != value?.at("metadata", "labels") {
            // They may not mean it any more, and its own labels no longer tell.
            for service in servicesThatMean(before, key.namespace) { touch(service) }
        }
        if value == nil, let before {
            for reference in before.at("metadata", "ownerReferences")?.items ?? [] {
                if let owner = place(of: reference, key.namespace) { touch(owner) }
            }
        }
        return after
    }

    /// Of an object that a reference names.
    func place(of reference: ObjectValue, _ namespace: String) -> ObjectKey? {
        let kind = kinds.values.first {
            $0.kind == reference["kind"]?.text && $0.apiVersion == reference["apiVersion"]?.text
        }
        guard let kind, let name = reference["name"]?.text else { return nil }
        return ObjectKey(kind: kind.id, namespace: kind.isNamespaced ? namespace : "", name: name)
    }

    /// Has controllers look at an object.
    func touch(_ key: ObjectKey) {
        pending.append(key)
        bell.yield()
    }

    /// Has controllers look at an object later.
    func touch(_ key: ObjectKey, in pause: Duration) {
        timers.append(Timer(due: .now + pause, key: key))
        bell.yield()
    }

    /// Has controllers look at an object in a while, which may be long.
    func alarm(_ key: ObjectKey, in pause: Duration) { clock.yield(Timer(due: .now + pause, key: key)) }

    func stop() {
        for id in followers.keys.sorted() { end(id) }
        bell.finish()
        clock.finish()
        kubelet?.stop()
        forwarders?.stop()
    }

    /// All who follow are cut off.
    package func cutWatches() {
        for id in followers.keys.sorted() { end(id) }
    }

    /// What happened until now is forgotten.
    package func forget() {
        forgotten = version
        changes = []
    }

    /// A number that nothing else has.
    func number() -> UInt64 {
        nextNumber += 1
        return nextNumber
    }

    /// For a Service; nil: any that nothing answers at.
    func serviceAddress() -> String? {
        guard let network = settings.programs?.network else { return nil }
        services += 1
        return "127.\(network).\(200 + services / 250).\(services % 250 + 1)"
    }

    func uid() -> String {
        let digits = String(number(), radix: 16)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// Five characters as an API server draws them for a name.
    func suffix() -> String {
        let letters = Array("bcdfghjklmnpqrstvwxz2456789")
        var rest = number() &* 2_654_435_761
        return String(
            (0..<5).map { _ in
                defer { rest /= UInt64(letters.count) }
                return letters[Int(rest % UInt64(letters.count))]
            })
    }

    static var now: String { moment(in: 0) }

    /// So many seconds after another moment, or from now.
    static func moment(in seconds: Int64, since start: ObjectValue? = nil) -> String {
        (start?.text.flatMap(moment) ?? Date.now).addingTimeInterval(Double(seconds)).formatted(.iso8601)
    }

    /// How long it is until so many seconds after a moment. Negative: it is past.
    static func left(of seconds: Int64, since start: ObjectValue?) -> Duration {
        // What is no time is now.
        let start = start?.text.flatMap(moment) ?? Date.now
        return .seconds(start.addingTimeInterval(Double(seconds)).timeIntervalSinceNow)
    }

    // MARK: - Custom resources

    /// A definition makes a kind known.
    private func serve(_ definition: ObjectValue?, _ before: ObjectValue?) {
        let group = (definition ?? before)?.at("spec", "group")?.text ?? ""
        let plural = (definition ?? before)?.at("spec", "names", "plural")?.text ?? ""
        let id = KindID(group: group, plural: plural)
        guard let definition else {
            kinds[id] = nil
            objects[id] = nil
            index[id] = nil
            return
        }
        let versions = definition.at("spec", "versions")?.items ?? []
        guard let served = versions.first(where: { $0["served"] == true }) else { return }
        var kind = ServedKind(
            "\(group)/\(served["name"]?.text ?? "")", plural, definition.at("spec", "names", "kind")?.text ?? "",
            isNamespaced: definition.at("spec", "scope")?.text == "Namespaced",
            hasStatus: served.at("subresources", "status") != nil,
            shortNames: (definition.at("spec", "names", "shortNames")?.items ?? []).compactMap(\.text))
        kind.schema = served.at("schema", "openAPIV3Schema") ?? [:]
        kind.columns = served["additionalPrinterColumns"]?.items ?? []
        kind.scale = served.at("subresources", "scale")
        kind.hasScale = kind.scale != nil
        kind.since = kinds[id]?.since ?? version
        kinds[id] = kind
    }
}

/// How the double behaves.
package struct ClusterSettings: Sendable {
    /// So many changes at least are remembered for watches that resume.
    package var memory = 10_000
    /// How long pods take to be pulled and started.
    package var start: Duration = .milliseconds(20)
    /// Between a change and the controllers' look at it.
    package var lag: Duration = .milliseconds(1)
    /// Pods are given a node and run. Without, they stay pending, as with a control plane alone.
    package var runsPods = true
    /// How many pods the cluster has room for; the others stay pending.
    package var room = Int.max
    /// Nil: pods are play-acted.
    package var programs: PodPrograms?

    package init() {}
}
