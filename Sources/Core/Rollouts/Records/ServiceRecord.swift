package import Domain

extension ServiceState: RecordCodable {
    package static let recordVersion: UInt8 = 1

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, service.text)
        if let stable { writer.put(2, stable) }
        writer.put(3, nextRelease)
        for set in sets {
            writer.put(set.release.isBaseline ? 50 : 4, set.release.value)
            writer.put(set.release.isBaseline ? 51 : 5, set.count)
        }
        // Who does not know baselines reads what is theirs as stable's.
        for share in Self.merged(weights) {
            writer.put(6, share.release.value)
            writer.put(7, share.weight.percent)
        }
        for share in weights where share.release.isBaseline {
            writer.put(52, share.release.value)
            writer.put(53, share.weight.percent)
        }
        if let hold { writer.put(8, hold) }
        writer.put(9, warm)
        writer.put(10, isDown)
        if let rollout { writer.put(11, rollout) }
        if isPruned { writer.put(15, isPruned) }
        writer.put(20, schemas)
        if let hand { writer.put(21, hand) }
        if let watch { writer.put(40, watch) }
    }

    /// A rollout comes back without its plan: the deployment's record carries that.
    package init(from reader: inout RecordReader) throws(RecordError) {
        var state = ServiceState(service: ServiceName(""))
        var name: String?
        var release = ReleaseNumber(0)
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: state.stable = try reader.record()
            case 3: state.nextRelease = try reader.int()
            case 4: release = ReleaseNumber(try reader.int())
            case 5: state.sets.append(SetWish(release: release, count: try reader.int()))
            case 6: release = ReleaseNumber(try reader.int())
            case 7:
                state.weights.append(WeightShare(release: release, weight: Weight(clamping: try reader.int())))
            case 50: release = ReleaseNumber(try reader.int()).baseline
            case 51: state.sets.append(SetWish(release: release, count: try reader.int()))
            case 52: release = ReleaseNumber(try reader.int()).baseline
            case 53:
                state.weights.append(WeightShare(release: release, weight: Weight(clamping: try reader.int())))
            case 8: state.hold = try reader.record()
            case 9: state.warm.append(try reader.record())
            case 10: state.isDown = try reader.bool()
            case 11: state.rollout = try reader.record()
            case 15: state.isPruned = try reader.bool()
            case 20: state.schemas.append(try reader.record())
            case 21: state.hand = try reader.record()
            case 40: state.watch = try reader.record()
            case _: try reader.skip()
            }
        }
        guard let name else { throw .missing("service name") }
        self.init(service: ServiceName(name))
        stable = state.stable
        nextRelease = state.nextRelease
        sets = state.sets
        weights = Self.split(state.weights)
        hold = state.hold
        warm = state.warm
        isDown = state.isDown
        rollout = state.rollout
        isPruned = state.isPruned
        schemas = state.schemas
        hand = state.hand
        watch = state.watch
    }
}

extension ServiceState {
    /// The shares of releases, each with that of its baseline. Stable comes first, as everywhere.
    private static func merged(_ weights: [WeightShare]) -> [WeightShare] {
        var merged = weights.filter { !$0.release.isBaseline }
        for share in weights where share.release.isBaseline {
            if let index = merged.firstIndex(where: { $0.release == share.release.origin }) {
                merged[index].weight = Weight(clamping: merged[index].weight.percent + share.weight.percent)
            } else {
                merged.insert(WeightShare(release: share.release.origin, weight: share.weight), at: 0)
            }
        }
        return merged
    }

    /// Takes back what `merged` did.
    private static func split(_ weights: [WeightShare]) -> [WeightShare] {
        guard weights.contains(where: \.release.isBaseline) else { return weights }
        return weights.compactMap { share in
            let baseline = weights.first { $0.release.isBaseline && $0.release.origin == share.release }
            guard let baseline, !share.release.isBaseline else { return share }
            let left = Weight(clamping: share.weight.percent - baseline.weight.percent)
            return left == .none ? nil : WeightShare(release: share.release, weight: left)
        }
    }
}

extension WarmRelease: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, release)
        writer.put(2, since)
        writer.put(3, delay)
        writer.put(4, keep)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var release: ReleaseFacts?
        var since: Moment?
        var delay = Span.zero
        var keep = 0
        while let tag = try reader.next() {
            switch tag {
            case 1: release = try reader.record()
            case 2: since = try reader.moment()
            case 3: delay = try reader.span()
            case 4: keep = try reader.int()
            case _: try reader.skip()
            }
        }
        guard let release, let since else { throw .missing("warm release") }
        self.init(release: release, since: since, delay: delay, keep: keep)
    }
}
