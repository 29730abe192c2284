package import Domain
package import Ports
import Testing

/// A runtime under test, and what the suite cannot know of it.
package protocol RuntimeUnderTest: Sendable {
    var runtime: any RuntimePort { get }
    /// It tells what instances use, and keeps them below their memory limit.
    var measures: Bool { get }
    /// Instances that leave can be had back until they are let go. Without, they end by themselves when they have
    /// drained, and the youngest may stay.
    var lingers: Bool { get }
    /// A release whose instances behave so.
    func release(
        _ behaviour: InstanceBehaviour, _ number: Int, of service: ServiceName, in environment: EnvironmentID
    ) throws -> Release
    /// Lets time pass: a simulated runtime moves its clock, a real one waits.
    func pass(_ span: Span) async throws
}

extension RuntimeUnderTest {
    package var measures: Bool { false }
    package var lingers: Bool { true }
}

/// How the instances of a release behave. A release has a drain time of a minute unless it says otherwise.
package enum InstanceBehaviour: Hashable, Sendable {
    /// Has a port and becomes ready soon.
    case serves
    /// As `serves`, with a drain time of 300 ms.
    case servesAndDrainsQuickly
    /// Has no port and goes on running.
    case works
    /// Has a port, runs, but never becomes ready; its start deadline is one second.
    case neverReady
    /// Ends at once with an error, whenever it is started.
    case diesAtOnce
    /// Cannot be started at all: its program is missing.
    case cannotStart
    /// Keeps one core busy, and scales by CPU.
    case burns
    /// Takes more memory than its limit, over and over.
    case hogs
}

/// What every runtime has to keep to, whatever it runs instances with. Call it from a test; each check uses a service
/// of its own, so that they may share one runtime.
package struct RuntimeConformance: Sendable {
    private let subject: any RuntimeUnderTest
    private let environment: EnvironmentID
    /// How long a real runtime may take for anything.
    private let patience: Span

    package init(
        _ subject: any RuntimeUnderTest,
        environment: EnvironmentID = EnvironmentID(project: "conformance", name: "dev"),
        patience: Span = .seconds(20)
    ) {
        self.subject = subject
        self.environment = environment
        self.patience = patience
    }

    /// All checks, one after the other.
    package func all() async throws {
        try await reachesTheCount()
        try await repeatsChangeNothing()
        try await refusesOlderWishes()
        try await refusesReleasesThatNobodyTold()
        try await scalesDownToTheCount()
        try await stopsWhenLetGo()
        try await stopsWhenDrained()
        try await workersStopAtOnce()
        try await failuresSayWhy()
        try await missingProgramsFailTheSet()
        try await crashesAreCounted()
        try await versionsGrow()
        try await environmentsAreApart()
        try await baselinesAreApart()
        if subject.measures {
            try await tellsWhatIsUsed()
            try await limitsAreNamed()
        }
    }

    /// What a busy instance uses is told, of others of the same kind too; an ended one uses nothing.
    package func tellsWhatIsUsed() async throws {
        let service = ServiceName("burn")
        try await wish(service, 1, [(.burns, 1, 1)])
        let view = try await settle(service, "its use") { view in
            // The machine may be busy with other things: some of a core is enough.
            view.instances.contains { ($0.usage?.cpu ?? 0) > 100 && ($0.usage?.memory ?? 0) > 1 << 18 }
        }
        #expect(view.instances.allSatisfy { ($0.usage?.cpu ?? 0) < 1500 }, "one thread keeps one core busy")
        try await down(service, 2)
        let idle = ServiceName("idle")
        try await wish(idle, 1, [(.works, 1, 1)])
        let quiet = try await settle(idle, "a ready instance") { ready($0, 1).count == 1 }
        #expect(quiet.instances.allSatisfy { $0.usage == nil }, "nobody asked what it uses")
        try await down(idle, 2)
    }

    /// A limit that was broken is named where others say how an instance ended.
    package func limitsAreNamed() async throws {
        let service = ServiceName("hog")
        try await wish(service, 1, [(.hogs, 1, 1)])
        let view = try await settle(service, "a second start") { view in
            view.instances.contains { $0.restarts > 0 && !$0.lastEnd.isEmpty }
        }
        for instance in view.instances {
            #expect(instance.lastEnd.contains("memory") && instance.lastEnd.contains("limit of 32Mi"))
            #expect(!instance.lastEnd.contains("exited with code"), "\(instance.lastEnd)")
        }
        try await down(service, 2)
    }

    package func reachesTheCount() async throws {
        let service = ServiceName("reach")
        try await wish(service, 1, [(.serves, 1, 2)])
        let view = try await settle(service, "two ready instances") { ready($0, 1).count == 2 }
        #expect(view.generation == 1)
        #expect(view.sets == [SetView(release: ReleaseNumber(1), state: .prepared)])
        #expect(Set(view.instances.map(\.id)).count == 2)
        #expect(view.instances.map(\.id) == view.instances.map(\.id).sorted())
        #expect(Set(view.instances.map(\.backend)).count == 2, "each has a backend of its own")
        for instance in view.instances {
            #expect(instance.backend != .none)
            #expect(instance.trouble.isEmpty)
        }
        let before = view.instances.map(\.readyFor).min() ?? .zero
        try await subject.pass(.milliseconds(200))
        let later = try await look(service)
        #expect((later.instances.map(\.readyFor).min() ?? .zero) > before, "readyFor counts on")
        try await down(service, 2)
    }

    package func repeatsChangeNothing() async throws {
        let service = ServiceName("repeat")
        try await wish(service, 1, [(.serves, 1, 2)])
        let view = try await settle(service, "two ready instances") { ready($0, 1).count == 2 }
        for _ in 0..<5 { try await wish(service, 1, [(.serves, 1, 2)]) }
        try await subject.pass(.milliseconds(300))
        #expect(try await look(service).instances.map(\.id) == view.instances.map(\.id))
        try await down(service, 2)
    }

    package func refusesOlderWishes() async throws {
        let service = ServiceName("stale")
        try await wish(service, 5, [(.serves, 1, 1)], fence: 2)
        for (fence, generation) in [(UInt64(2), UInt64(4)), (1, 9)] {
            await #expect("fence \(fence), generation \(generation)") {
                try await wish(service, generation, [(.serves, 1, 3)], fence: fence)
            } throws: { error in
                (error as? PortError)?.code == .stale
            }
        }
        let view = try await settle(service, "one ready instance") { ready($0, 1).count == 1 }
        #expect(view.instances.count == 1)
        #expect(view.fence == 2 && view.generation == 5)
        try await down(service, 1, fence: 3)
    }

    package func refusesReleasesThatNobodyTold() async throws {
        let wish = RuntimeWish(
            environment: environment, service: ServiceName("unknown"), fence: 1, generation: 1,
            sets: [SetWish(release: ReleaseNumber(9), count: 1)])
        await #expect(throws: PortError.self) { try await subject.runtime.apply(wish, releases: []) }
    }

    package func scalesDownToTheCount() async throws {
        let service = ServiceName("scale")
        try await wish(service, 1, [(.serves, 1, 3)])
        let full = try await settle(service, "three ready instances") { ready($0, 1).count == 3 }
        try await wish(service, 2, [(.serves, 1, 1)])
        guard subject.lingers else {
            let view = try await settle(service, "one left") { $0.instances.count == 1 && ready($0, 1).count == 1 }
            #expect(Set(full.instances.map(\.id)).isSuperset(of: view.instances.map(\.id)), "it is one of them")
            try await down(service, 3)
            return
        }
        let now = try await look(service)
        #expect(now.generation < 2 || now.instances.count { $0.phase == .leaving } == 2, "those beyond the wish leave")
        let view = try await settle(service, "two leaving") { view in
            ready(view, 1).count == 1 && view.instances.filter { $0.phase == .leaving }.count == 2
        }
        #expect(ready(view, 1).map(\.id) == [full.instances.map(\.id).min()], "the youngest leave first")
        // They drain for a minute, so they are still there and may be counted again.
        try await wish(service, 3, [(.serves, 1, 3)])
        let back = try await settle(service, "three ready instances again") { ready($0, 1).count == 3 }
        #expect(back.instances.count == 3)
        #expect(back.instances.map(\.id) == full.instances.map(\.id), "they had not been told to stop")
        try await down(service, 4)
    }

    package func stopsWhenLetGo() async throws {
        let service = ServiceName("let-go")
        try await wish(service, 1, [(.serves, 1, 1)])
        let view = try await settle(service, "ready") { ready($0, 1).count == 1 }
        try await wish(service, 2, [(.serves, 1, 1), (.serves, 2, 1)])
        _ = try await settle(service, "both ready") { ready($0, 1).count == 1 && ready($0, 2).count == 1 }
        try await wish(service, 3, [(.serves, 2, 1)])
        guard subject.lingers else {
            let after = try await settle(service, "the old one is gone by itself") { $0.instances.count == 1 }
            #expect(ready(after, 2).count == 1)
            try await down(service, 4)
            return
        }
        _ = try await settle(service, "the old one leaves") { $0.instances.contains { $0.phase == .leaving } }
        try await subject.pass(.milliseconds(300))
        #expect(try await look(service).instances.count == 2, "it drains")
        for _ in 0..<2 {
            try await subject.runtime.letGo([view.instances[0].id], of: service, in: environment)
        }
        let after = try await settle(service, "the old one is gone") { $0.instances.count == 1 }
        #expect(ready(after, 2).count == 1)
        try await down(service, 4)
    }

    package func stopsWhenDrained() async throws {
        let service = ServiceName("drain")
        try await wish(service, 1, [(.servesAndDrainsQuickly, 1, 1)])
        _ = try await settle(service, "ready") { ready($0, 1).count == 1 }
        try await wish(service, 2, [])
        _ = try await settle(service, "gone without being let go") { $0.instances.isEmpty }
    }

    package func workersStopAtOnce() async throws {
        let service = ServiceName("worker")
        try await wish(service, 1, [(.works, 1, 2)])
        let view = try await settle(service, "two ready workers") { ready($0, 1).count == 2 }
        #expect(view.instances.allSatisfy { $0.backend == .none })
        try await wish(service, 2, [(.works, 1, 1)])
        _ = try await settle(service, "one left, although the drain time is a minute") {
            $0.instances.count == 1 && ready($0, 1).count == 1
        }
        try await wish(service, 3, [])
        _ = try await settle(service, "none left") { $0.instances.isEmpty }
    }

    package func failuresSayWhy() async throws {
        let service = ServiceName("never")
        try await wish(service, 1, [(.neverReady, 1, 1)])
        let view = try await settle(service, "failed") { $0.instances.first?.phase == .failed }
        #expect(view.instances[0].trouble.contains("not ready within"), "\(view.instances[0].trouble)")
        #expect(view.instances[0].readyFor == .zero)
        try await wish(service, 2, [])
        _ = try await settle(service, "none left") { $0.instances.isEmpty }
    }

    package func missingProgramsFailTheSet() async throws {
        let service = ServiceName("missing")
        try await wish(service, 1, [(.cannotStart, 1, 2)])
        let view = try await settle(service, "a failed set") { view in
            view.sets.contains { if case .failed = $0.state { true } else { false } }
        }
        guard case .failed(let text) = view.sets[0].state else { return }
        #expect(!text.isEmpty)
        #expect(ready(view, 1).isEmpty)
        try await wish(service, 2, [])
        _ = try await settle(service, "none left") { $0.instances.isEmpty && $0.sets.isEmpty }
    }

    package func crashesAreCounted() async throws {
        let service = ServiceName("crash")
        try await wish(service, 1, [(.diesAtOnce, 1, 1)])
        let view = try await settle(service, "failed after a few starts") {
            $0.instances.first?.phase == .failed && ($0.instances.first?.restarts ?? 0) > 0
        }
        #expect(!view.instances[0].trouble.isEmpty)
        try await wish(service, 2, [])
        _ = try await settle(service, "none left") { $0.instances.isEmpty }
    }

    package func versionsGrow() async throws {
        let service = ServiceName("version")
        try await wish(service, 1, [(.serves, 1, 1)])
        var last: RuntimeView?
        _ = try await settle(service, "ready") { view in
            defer { last = view }
            guard let last else { return false }
            #expect(view.version >= last.version)
            var later = last
            for index in later.instances.indices where view.instances.indices.contains(index) {
                // That time goes by is no news.
                later.instances[index].readyFor = view.instances[index].readyFor
            }
            if view != later { #expect(view.version > last.version, "another view has another version") }
            return ready(view, 1).count == 1
        }
        try await down(service, 2)
    }

    package func environmentsAreApart() async throws {
        let service = ServiceName("apart")
        let other = EnvironmentID(project: environment.project, name: "other")
        try await wish(service, 1, [(.serves, 1, 1)])
        #expect(try await subject.runtime.observe(other)[service] == nil)
        _ = try await settle(service, "ready") { ready($0, 1).count == 1 }
        try await down(service, 2)
    }

    /// A baseline is the same release, run by instances of its own.
    package func baselinesAreApart() async throws {
        let service = ServiceName("beside")
        let release = try subject.release(.serves, 1, of: service, in: environment)
        let baseline = release.known(as: release.number.baseline)
        func wish(_ generation: UInt64, beside count: Int) async throws {
            let sets = [SetWish(release: release.number, count: 1), SetWish(release: baseline.number, count: count)]
            let wish = RuntimeWish(
                environment: environment, service: service, fence: 1, generation: generation,
                sets: sets.filter { $0.count > 0 })
            try await subject.runtime.apply(wish, releases: count > 0 ? [release, baseline] : [release])
        }
        func fresh(_ view: RuntimeView) -> [InstanceView] { view.instances.filter { $0.release == baseline.number } }
        try await wish(1, beside: 0)
        let alone = try await settle(service, "one ready instance") { ready($0, 1).count == 1 }
        try await wish(2, beside: 2)
        let both = try await settle(service, "two of the baseline") { view in
            fresh(view).count { $0.phase == .ready } == 2 && ready(view, 1).count == 1
        }
        #expect(both.sets.map(\.release) == [release.number, baseline.number])
        #expect(ready(both, 1).map(\.id) == alone.instances.map(\.id), "an older instance is not taken for a fresh one")
        #expect(Set(both.instances.map(\.backend)).count == 3)
        try await wish(3, beside: 0)
        guard subject.lingers else {
            let after = try await settle(service, "the baseline is gone") { fresh($0).isEmpty }
            #expect(ready(after, 1).map(\.id) == alone.instances.map(\.id), "the release's own stay")
            try await down(service, 4)
            return
        }
        let leaving = try await settle(service, "the baseline leaves") { view in
            fresh(view).count { $0.phase == .leaving } == 2 && ready(view, 1).count == 1
        }
        try await subject.runtime.letGo(fresh(leaving).map(\.id), of: service, in: environment)
        let after = try await settle(service, "the baseline is gone") { fresh($0).isEmpty }
        #expect(ready(after, 1).map(\.id) == alone.instances.map(\.id), "the release's own stay")
        try await down(service, 4)
    }

    // MARK: Words

    private func ready(_ view: RuntimeView, _ release: Int) -> [InstanceView] {
        view.instances.filter { $0.release == ReleaseNumber(release) && $0.phase == .ready }
    }

    private func wish(
        _ service: ServiceName, _ generation: UInt64, _ sets: [(InstanceBehaviour, Int, Int)], fence: UInt64 = 1
    ) async throws {
        let wish = RuntimeWish(
            environment: environment, service: service, fence: fence, generation: generation,
            sets: sets.map { SetWish(release: ReleaseNumber($0.1), count: $0.2) })
        let releases = try sets.map { try subject.release($0.0, $0.1, of: service, in: environment) }
        try await subject.runtime.apply(wish, releases: releases)
    }

    private func look(_ service: ServiceName) async throws -> RuntimeView {
        try #require(try await subject.runtime.observe(environment)[service])
    }

    private func down(_ service: ServiceName, _ generation: UInt64, fence: UInt64 = 1) async throws {
        try await wish(service, generation, [], fence: fence)
        let view = try await look(service)
        try await subject.runtime.letGo(view.instances.map(\.id), of: service, in: environment)
        _ = try await settle(service, "none left") { $0.instances.isEmpty }
    }

    private func settle(
        _ service: ServiceName, _ what: String, _ holds: (RuntimeView) -> Bool
    ) async throws -> RuntimeView {
        var waited = Span.zero
        while true {
            let view = try await look(service)
            if holds(view) { return view }
            guard waited < patience else {
                Issue.record("\(service): \(what) did not come within \(patience); it is \(view)")
                throw ConformanceFailure()
            }
            try await subject.pass(.milliseconds(50))
            waited = waited + .milliseconds(50)
        }
    }
}

/// A check that cannot go on; the issue was recorded.
package struct ConformanceFailure: Error {}
