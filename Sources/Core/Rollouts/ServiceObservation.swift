package import Domain
package import Scaling

/// What is known of one service at one moment, as the machine needs it. The engine makes it of the newest snapshots and
/// says how far they have caught up with what was wished for.
package struct ServiceObservation: Sendable {
    package var now: Moment
    package var runtime: RuntimeView?
    package var router: RouterView?
    package var looks: [LookView]
    /// Nil: nobody has said which migrations are known.
    package var migrations: [MigrationView]?
    /// The runtime has taken over the last wish that this engine sent, and its snapshot is younger than that.
    package var isRuntimeCaughtUp: Bool
    /// Every request follows the last table that this engine sent.
    package var isRouterCaughtUp: Bool
    /// Of the supervisor that looks.
    package var fence: UInt64
    /// False when nobody has said which looks are known: then a missing one may well be under way.
    package var areLooksTold: Bool
    /// What the load asks for; nil: nobody has looked, or the service does not scale.
    package var advice: ScaleAdvice?
    /// Why what is wished for cannot be said, or seen, at the moment; empty: it can.
    package var trouble: String

    package init(
        now: Moment, runtime: RuntimeView? = nil, router: RouterView? = nil, looks: [LookView] = [],
        migrations: [MigrationView]? = nil, isRuntimeCaughtUp: Bool = false, isRouterCaughtUp: Bool = false,
        fence: UInt64, areLooksTold: Bool = true, advice: ScaleAdvice? = nil,
        trouble: String = ""
    ) {
        self.trouble = trouble
        self.advice = advice
        self.areLooksTold = areLooksTold
        self.now = now
        self.runtime = runtime
        self.router = router
        self.looks = looks
        self.migrations = migrations
        self.isRuntimeCaughtUp = isRuntimeCaughtUp
        self.isRouterCaughtUp = isRouterCaughtUp
        self.fence = fence
    }

    /// What keeps a release from going on, as far as anybody tells.
    private func hindrance(of release: ReleaseNumber?) -> String? {
        let late = runtime?.instances.first { $0.release == release && $0.phase == .starting && !$0.trouble.isEmpty }
        let reasons = [late.map { "instance \($0.id): \($0.trouble)" }, trouble, router?.missing]
        return reasons.compactMap(\.self).first { !$0.isEmpty }
    }

    /// A text with what keeps the release from going on, where anybody tells.
    func explaining(_ text: String, of release: ReleaseNumber?) -> String {
        hindrance(of: release).map { "\(text); \($0)" } ?? text
    }

    /// Instances of a release that have been ready for so long without a break.
    package func ready(_ release: ReleaseNumber, for span: Span) -> Int {
        guard let runtime else { return 0 }
        var count = 0
        for instance in runtime.instances
        where instance.release == release && instance.phase == .ready && instance.readyFor >= span {
            count += 1
        }
        return count
    }

    /// Instances of a release that are not counted on any more.
    package func failed(_ release: ReleaseNumber) -> Int {
        guard let runtime else { return 0 }
        var count = 0
        for instance in runtime.instances where instance.release == release && instance.phase == .failed { count += 1 }
        return count
    }

    /// Instances of a release that run and whose readiness probe fails.
    package func unready(_ release: ReleaseNumber) -> Int {
        guard let runtime else { return 0 }
        var count = 0
        for instance in runtime.instances where instance.release == release && instance.phase == .unready { count += 1 }
        return count
    }

    /// Instances of a release that hold a place, those that leave included.
    package func standing(_ release: ReleaseNumber) -> Int {
        guard let runtime else { return 0 }
        var count = 0
        for instance in runtime.instances where instance.release == release { count += 1 }
        return count
    }

    package func exists(_ release: ReleaseNumber) -> Bool { standing(release) > 0 }

    /// Requests in flight on a release.
    package func inFlight(_ release: ReleaseNumber) -> Int {
        guard let runtime, let router else { return 0 }
        var sum = 0
        for instance in runtime.instances where instance.release == release { sum += router.inFlight(instance.id) }
        return sum
    }

    package var isHolding: Bool { router?.isHolding ?? false }

    /// Whether every request follows these weights now.
    package func isRouted(as weights: [WeightShare]) -> Bool {
        guard isRouterCaughtUp, let router else { return false }
        var matched = 0
        for target in router.targets {
            var expected = Weight.none
            for share in weights where share.release == target.release { expected = share.weight }
            if target.weight != expected { return false }
            if expected != .none { matched += 1 }
        }
        var wanted = 0
        for share in weights where share.weight != .none { wanted += 1 }
        return matched == wanted
    }

    func look(_ run: Int, _ look: Int) -> LookView? {
        for view in looks where view.run == run && view.look == look { return view }
        return nil
    }
}
