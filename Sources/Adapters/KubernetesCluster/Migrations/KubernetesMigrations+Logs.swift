import Domain
import KubernetesObjects
package import Ports

extension KubernetesMigrations: MigrationLogs {
    /// What the pods of migrations wrote; of those that are gone the last lines, as they were written down.
    package func migrationTail(_ query: LogQuery) async throws -> [LogLine] {
        let environment = query.environment
        guard await desk.migrates(environment), let mirror = try await desk.mirror(of: environment) else { return [] }
        await desk.follow(.jobs, beside: mirror)
        try await mirror.settle(with: [.jobs])
        var lines: [LogLine] = []
        for (key, job) in await own(environment, mirror) {
            guard query.service == nil || query.service == key.service, let release = job.release,
                query.release == nil || query.release == release
            else { continue }
            var written: [(Int64, String)] = []
            for seen in await mirror.pods(of: job.uid) where !seen.isGone {
                written += try await KubernetesRuntime.written(by: PodReading(seen.pod).name, query, mirror)
            }
            if written.isEmpty, let end = job.end, query.after.map({ end.at > $0 }) ?? true {
                written = end.lines.map { (end.at, $0) }
            }
            lines += written.map { at, text in
                LogLine(
                    at: at, service: key.service, release: release, instance: InstanceID(0), isError: false, text: text)
            }
        }
        return Array(lines.sorted { $0.at < $1.at }.suffix(max(0, query.lines)))
    }
}
