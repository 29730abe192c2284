import Domain
import MetricSources
import Ports

extension MetricQuestion {
    /// About a release of the tests' own, over the last minute.
    init(source: MetricSource, query: String, limit: Span) {
        self.init(
            source: source, query: query,
            subject: MetricSubject(
                environment: EnvironmentID(project: "shop", name: "staging"), service: ServiceName("api"),
                release: ReleaseNumber(15)), window: .minutes(1), limit: limit)
    }
}

extension SourceDesk {
    /// Before a router that counts nothing.
    static func sample(now: @escaping @Sendable () -> Int64) -> SourceDesk {
        SourceDesk(traffic: TrafficHistory(now: now) { _, _ in nil }, now: now)
    }
}
