import Domain
import FoundationEssentials

/// Any key of an object, so that those that mean nothing are found.
private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// A key that nobody reads is a slip of the pen.
    func container<Key: CodingKey & CaseIterable>(knowing type: Key.Type) throws
        -> KeyedDecodingContainer<Key>
    {
        let known = Set(type.allCases.map(\.stringValue))
        let given = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
        if let stranger = given.first(where: { !known.contains($0) }) {
            let keys = known.sorted().map { "`\($0)`" }.joined(separator: ", ")
            throw RecordingTrouble("`\(stranger.printable.bounded(to: 60))` means nothing here; the keys are \(keys)")
        }
        return try container(keyedBy: type)
    }
}

/// What is wrong with a line, in words.
struct RecordingTrouble: Error {
    var words: String
    init(_ words: String) { self.words = words }
}

extension RecordingHead: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case recording, project, environment, service, canary, stable, deployment, gate, run, began, asked, resumed
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(knowing: Key.self)
        let version = try values.decode(Int.self, forKey: .recording)
        guard version == Self.version else {
            throw RecordingTrouble("this is a recording of version \(version), and only \(Self.version) can be read")
        }
        self.init(
            project: try values.decodeIfPresent(String.self, forKey: .project) ?? "",
            environment: try values.decodeIfPresent(String.self, forKey: .environment) ?? "",
            service: try values.decode(ServiceName.self, forKey: .service),
            canary: try values.decode(ReleaseNumber.self, forKey: .canary),
            stable: try values.decode(ReleaseNumber.self, forKey: .stable),
            deployment: try values.decodeIfPresent(DeploymentNumber.self, forKey: .deployment),
            gate: try values.decodeIfPresent(GateName.self, forKey: .gate),
            run: try values.decodeIfPresent(Int.self, forKey: .run) ?? 1,
            began: try values.decodeIfPresent(Int64.self, forKey: .began),
            isResumed: try values.decodeIfPresent(Bool.self, forKey: .resumed) ?? false)
        if canary == stable { throw RecordingTrouble("`canary` and `stable` are the same release") }
        guard let text = try values.decodeIfPresent(String.self, forKey: .asked) else { return }
        guard let bytes = Data(base64Encoded: text) else { throw RecordingTrouble("`asked` is no base64 text") }
        do {
            asked = try GateSpec(recorded: [UInt8](bytes), known: Self.askedVersion)
        } catch {
            throw RecordingTrouble("`asked` cannot be read: \(error)")
        }
    }

    /// Of the gate's record within `asked`.
    private static let askedVersion: UInt8 = 1

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(Self.version, forKey: .recording)
        if !project.isEmpty { try values.encode(project, forKey: .project) }
        if !environment.isEmpty { try values.encode(environment, forKey: .environment) }
        try values.encode(service, forKey: .service)
        try values.encode(canary, forKey: .canary)
        try values.encode(stable, forKey: .stable)
        try values.encodeIfPresent(deployment, forKey: .deployment)
        try values.encodeIfPresent(gate, forKey: .gate)
        try values.encode(run, forKey: .run)
        try values.encodeIfPresent(began, forKey: .began)
        if let asked {
            let bytes = Data(asked.recorded(version: Self.askedVersion))
            try values.encode(bytes.base64EncodedString(), forKey: .asked)
        }
        if isResumed { try values.encode(true, forKey: .resumed) }
    }
}

extension RecordedReading: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case at, look, said, instances, source, anew, splits, beside, time, answers, failure, cut
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(knowing: Key.self)
        var said: Verdict?
        if let word = try values.decodeIfPresent(String.self, forKey: .said) {
            said = Verdict.allCases.first { $0.word == word }
            if said == nil { throw RecordingTrouble("`said` is no verdict: \(word.printable.bounded(to: 40))") }
        }
        self.init(
            at: try values.decode(Int64.self, forKey: .at), look: try values.decodeIfPresent(Int.self, forKey: .look),
            said: said, instances: try values.decodeIfPresent([InstanceID].self, forKey: .instances),
            source: try values.decodeIfPresent(String.self, forKey: .source),
            isAnew: try values.decodeIfPresent(Bool.self, forKey: .anew) ?? false,
            splits: try values.decodeIfPresent([RecordedSplit].self, forKey: .splits) ?? [],
            beside: try values.decodeIfPresent([RecordedTotals].self, forKey: .beside) ?? [],
            time: try values.decodeIfPresent(Int64.self, forKey: .time),
            answers: try values.decodeIfPresent([RecordedAnswer].self, forKey: .answers),
            failure: try values.decodeIfPresent(String.self, forKey: .failure),
            isCut: try values.decodeIfPresent(Bool.self, forKey: .cut) ?? false)
        if at < 0 { throw RecordingTrouble("`at` is below zero") }
        if (time == nil) != (answers == nil) { throw RecordingTrouble("`time` and `answers` belong together") }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(at, forKey: .at)
        try values.encodeIfPresent(look, forKey: .look)
        try values.encodeIfPresent(said?.word, forKey: .said)
        try values.encodeIfPresent(instances, forKey: .instances)
        try values.encodeIfPresent(source, forKey: .source)
        if isAnew { try values.encode(true, forKey: .anew) }
        if !splits.isEmpty { try values.encode(splits, forKey: .splits) }
        if !beside.isEmpty { try values.encode(beside, forKey: .beside) }
        try values.encodeIfPresent(time, forKey: .time)
        try values.encodeIfPresent(answers, forKey: .answers)
        try values.encodeIfPresent(failure, forKey: .failure)
        if isCut { try values.encode(true, forKey: .cut) }
    }
}

extension RecordedSplit: Codable {
    private enum Key: String, CodingKey, CaseIterable { case split, sticky, releases }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(knowing: Key.self)
        self.init(
            split: try values.decode(Int.self, forKey: .split),
            isSticky: try values.decodeIfPresent(Bool.self, forKey: .sticky) ?? false,
            releases: try values.decode([RecordedRelease].self, forKey: .releases))
        let sum = releases.reduce(0) { $0 + $1.weight.percent }
        if sum > 100 { throw RecordingTrouble("the weights of a split add up to \(sum)%") }
        if Set(releases.map(\.release)).count < releases.count {
            throw RecordingTrouble("a release stands twice in a split")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(split, forKey: .split)
        if isSticky { try values.encode(true, forKey: .sticky) }
        try values.encode(releases, forKey: .releases)
    }
}

extension RecordedRelease: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case release, weight, requests, errors, latency, instances, seen, failed, slowest
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(knowing: Key.self)
        let percent = try values.decode(Int.self, forKey: .weight)
        guard let weight = Weight(percent: percent) else { throw RecordingTrouble("a weight of \(percent)%") }
        self.init(
            release: try values.decode(ReleaseNumber.self, forKey: .release), weight: weight,
            requests: try values.decode(Int.self, forKey: .requests),
            errors: try values.decode(Int.self, forKey: .errors),
            latency: try values.decodeIfPresent([LatencyCell].self, forKey: .latency) ?? [],
            instances: try Self.instances(values.decodeIfPresent([String: [Int]].self, forKey: .instances) ?? [:]),
            seen: try CohortRanges.read(values.decodeIfPresent(String.self, forKey: .seen) ?? ""),
            failed: try CohortRanges.read(values.decodeIfPresent(String.self, forKey: .failed) ?? ""),
            slowest: try values.decodeIfPresent([SlowestCell].self, forKey: .slowest) ?? [])
        guard requests >= 0, errors >= 0, latency.allSatisfy({ $0.count >= 0 }),
            instances.allSatisfy({ $0.requests >= 0 && $0.errors >= 0 && $0.failedCohorts >= 0 })
        else { throw RecordingTrouble("a count is below zero") }
    }

    private static func instances(_ cells: [String: [Int]]) throws -> [InstanceCell] {
        try cells.keys.sorted().map { name in
            guard let id = InstanceID(name), let counts = cells[name], (2...3).contains(counts.count) else {
                throw RecordingTrouble(
                    "`instances` are \"1f\": [requests, errors, cohorts that failed first]: \(name.printable)")
            }
            return InstanceCell(
                id, requests: counts[0], errors: counts[1], failedCohorts: counts.count > 2 ? counts[2] : 0)
        }.sorted { $0.instance < $1.instance }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(release, forKey: .release)
        try values.encode(weight, forKey: .weight)
        try values.encode(requests, forKey: .requests)
        try values.encode(errors, forKey: .errors)
        if !latency.isEmpty { try values.encode(latency, forKey: .latency) }
        if !instances.isEmpty {
            let cells = instances.map { ("\($0.instance)", [$0.requests, $0.errors, $0.failedCohorts]) }
            try values.encode(Dictionary(cells, uniquingKeysWith: { first, _ in first }), forKey: .instances)
        }
        if !seen.isEmpty { try values.encode(CohortRanges.text(seen), forKey: .seen) }
        if !failed.isEmpty { try values.encode(CohortRanges.text(failed), forKey: .failed) }
        if !slowest.isEmpty { try values.encode(slowest, forKey: .slowest) }
    }
}

extension RecordedTotals: Codable {
    private enum Key: String, CodingKey, CaseIterable { case release, requests, errors, latency }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(knowing: Key.self)
        self.init(
            release: try values.decode(ReleaseNumber.self, forKey: .release),
            requests: try values.decode(Int.self, forKey: .requests),
            errors: try values.decode(Int.self, forKey: .errors),
            latency: try values.decodeIfPresent([LatencyCell].self, forKey: .latency) ?? [])
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(release, forKey: .release)
        try values.encode(requests, forKey: .requests)
        try values.encode(errors, forKey: .errors)
        if !latency.isEmpty { try values.encode(latency, forKey: .latency) }
    }
}

extension LatencyCell: Codable {
    package init(from decoder: any Decoder) throws {
        let pair = try [Int](from: decoder)
        guard pair.count == 2, pair[0] >= 0 else { throw RecordingTrouble("`latency` is [microseconds, count]") }
        self.init(pair[0], pair[1])
    }

    package func encode(to encoder: any Encoder) throws { try [microseconds, count].encode(to: encoder) }
}

extension SlowestCell: Codable {
    package init(from decoder: any Decoder) throws {
        let pair = try [Int](from: decoder)
        guard pair.count == 2, CohortRanges.all.contains(pair[0]), pair[1] >= 0 else {
            throw RecordingTrouble("`slowest` is [cohort, microseconds]")
        }
        self.init(pair[0], pair[1])
    }

    package func encode(to encoder: any Encoder) throws { try [cohort, microseconds].encode(to: encoder) }
}
