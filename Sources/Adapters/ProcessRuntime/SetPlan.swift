package import Domain

/// What has to change so that as many instances of each release run as are wished for. Pure, and the same whatever
/// happened before: it looks only at the wish and at what is.
package struct SetPlan {
    /// How much an instance would be missed; the first leaves first.
    package enum Standing: Int, Comparable, Sendable {
        case failed
        case starting
        case unready
        case ready
        package static func < (left: Standing, right: Standing) -> Bool { left.rawValue < right.rawValue }
    }

    /// One instance.
    package struct Member: Hashable, Sendable {
        package var id: InstanceID
        package var release: ReleaseNumber
        package var standing: Standing
        package var isLeaving: Bool
        /// It was told to stop: there is no way back.
        package var isTold: Bool

        package init(
            id: InstanceID, release: ReleaseNumber, standing: Standing, isLeaving: Bool = false, isTold: Bool = false
        ) {
            self.id = id
            self.release = release
            self.standing = standing
            self.isLeaving = isLeaving
            self.isTold = isTold
        }
    }

    package enum Change: Hashable, Sendable {
        case spawn(ReleaseNumber)
        case leave(InstanceID)
        /// It was leaving but not told to stop yet; now it is counted again.
        case revive(InstanceID)
    }

    /// - Parameters:
    ///   - wish: how many of each release; none of those that are not listed.
    ///   - isPrepared: whether a release's files stand; instances are not spawned before.
    package static func changes(
        wish: [SetWish], members: [Member], isPrepared: (ReleaseNumber) -> Bool
    ) -> [Change] {
        var changes: [Change] = []
        for set in wish {
            let mine = members.filter { $0.release == set.release }
            let counted = mine.filter { !$0.isLeaving }
            if counted.count > set.count {
                let order = counted.sorted { ($0.standing.rawValue, $1.id) < ($1.standing.rawValue, $0.id) }
                changes += order.prefix(counted.count - max(0, set.count)).map { .leave($0.id) }
            } else if counted.count < set.count {
                let missing = set.count - counted.count
                let back = mine.filter { $0.isLeaving && !$0.isTold }
                    .sorted { ($1.standing.rawValue, $0.id) < ($0.standing.rawValue, $1.id) }
                    .prefix(missing)
                changes += back.map { .revive($0.id) }
                if isPrepared(set.release) {
                    changes += Array(repeating: .spawn(set.release), count: missing - back.count)
                }
            }
        }
        for member in members.sorted(by: { $0.id < $1.id })
        where !member.isLeaving && !wish.contains(where: { $0.release == member.release }) {
            changes.append(.leave(member.id))
        }
        return changes
    }
}
