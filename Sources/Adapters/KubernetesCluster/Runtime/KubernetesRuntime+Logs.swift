import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
package import Ports

extension KubernetesRuntime: InstanceLogs {
    /// What the pods' containers wrote, as far as their nodes keep it. Which lines were errors a cluster does not tell.
    package func tail(_ query: LogQuery) async throws -> [LogLine] {
        guard let mirror = try await desk.mirror(of: query.environment) else { return [] }
        try await mirror.check()
        let labels = query.service.map { [ReleaseRendering.serviceLabel: $0.text] } ?? [:]
        var lines: [LogLine] = []
        for pod in await mirror.all(.pods, labels: labels) {
            let reading = PodReading(pod)
            guard let release = reading.release, query.release == nil || query.release == release,
                query.instance == nil || query.instance == reading.id,
                let service = pod.at("metadata", "labels", ReleaseRendering.serviceLabel)?.text
            else { continue }
            for (at, text) in try await Self.written(by: reading.name, query, mirror) {
                lines.append(
                    LogLine(
                        at: at, service: ServiceName(service), release: release, instance: reading.id, isError: false,
                        text: text))
            }
        }
        return Array(lines.sorted { $0.at < $1.at }.suffix(query.lines))
    }

    static func written(
        by pod: String, _ query: LogQuery, _ mirror: ClusterMirror
    ) async throws -> [(Int64, String)] {
        var items = APIQuery(["timestamps": "true", "tailLines": String(query.lines)])
        if let after = query.after {
            let date = Date(timeIntervalSince1970: Double(after) / 1000)
            items.set("sinceTime", date.formatted(.iso8601))
        }
        let path = APIResource.pods.path(namespace: mirror.namespace, name: pod, part: "log") + items.text
        let answer: RawAnswer
        do {
            answer = try await mirror.client.send(RawRequest("GET", path))
        } catch {
            throw PortError(error, "the lines of pod \(pod) cannot be read")
        }
        // A pod that does not run yet has written nothing, and one that is gone is not asked any more.
        guard answer.status == 200 else { return [] }
        return String(decoding: answer.body, as: UTF8.self).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard let at = parts.first.flatMap({ Self.milliseconds(String($0)) }) else { return nil }
            guard query.after.map({ at > $0 }) ?? true else { return nil }
            return (at, parts.count > 1 ? String(parts[1]) : "")
        }
    }

    /// `2026-01-02T03:04:05.678901234Z`
    static func milliseconds(_ text: String) -> Int64? {
        let whole = text.prefix { $0 != "." && $0 != "Z" }
        // What begins with no time is no line of a log.
        guard let date = try? Date("\(whole)Z", strategy: .iso8601) else { return nil }
        let digits = text.dropFirst(whole.count + 1).prefix { $0.isNumber }.prefix(3)
        let part = Int64("\(digits)" + String(repeating: "0", count: 3 - digits.count)) ?? 0
        return Int64(date.timeIntervalSince1970) * 1000 + part
    }
}
