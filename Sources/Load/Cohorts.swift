/// The virtual users divided by what they have seen, when a run is over.
///
/// A failure without an answer belongs to no group; the user who met it does. So the question whether those who were
/// never given the new release have suffered is asked of users, not of requests.
struct Cohorts {
    /// One entry per group: who ever saw it and who never did.
    let splits: [LoadUserSplit]
    /// One entry per set of groups that somebody saw, in a fixed order.
    let exact: [LoadCohort]

    init(users: [VirtualUser], groups: [String]) {
        let active = users.filter { $0.count > 0 }
        var sets: [UInt64] = []
        for user in active where !sets.contains(user.seen) { sets.append(user.seen) }
        sets.sort()
        exact = sets.map { set in
            let members = active.filter { $0.seen == set }
            return LoadCohort(
                groups: groups.indices.filter { set & (1 << UInt64($0)) != 0 }.map { groups[$0] },
                users: members.count, statistics: Self.statistics(members))
        }
        splits =
            active.isEmpty
            ? []
            : groups.indices.map { index in
                let ever = active.filter { $0.seen & (1 << UInt64(index)) != 0 }
                let never = active.filter { $0.seen & (1 << UInt64(index)) == 0 }
                return LoadUserSplit(
                    group: groups[index], usersEver: ever.count, ever: Self.statistics(ever), usersNever: never.count,
                    never: Self.statistics(never))
            }
    }

    private static func statistics(_ users: [VirtualUser]) -> LoadStatistics {
        let tally = Tally()
        for user in users { tally.add(user) }
        return tally.statistics
    }
}
