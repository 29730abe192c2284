package import Domain
import Asking
import KubernetesAPI
import KubernetesObjects
package import Ports

/// Reaches pods through the API server, which stands in the cluster where Slipway may not.
///
/// A network policy that lets nobody but named pods in may keep the API server out too: that is the cluster's word.
package struct PodCalls: InstanceCallPort {
    private let desk: ClusterDesk

    package init(_ desk: ClusterDesk) { self.desk = desk }

    package func send(
        _ call: InstanceCall, to instance: InstanceID, of release: Release, within limit: Duration
    ) async throws(InstanceCallTrouble) -> InstanceAnswer {
        if let fault = call.fault { throw InstanceCallTrouble(kind: .badRequest, words: fault) }
        if let kept = call.headers.first(where: { Self.isServers($0.name) }) {
            throw InstanceCallTrouble(
                kind: .badRequest, words: "header \(kept.name) cannot be sent: the API server keeps it to itself")
        }
        let late = InstanceCallTrouble(
            kind: .noAnswer, words: "no complete answer in \(limit.components.seconds) s through the API server")
        return try await TimeLimit(limit).race { await ask(call, instance, release) }
            .answer(orLate: .failure(late), orCancelled: .failure(late)).get()
    }

    private func ask(
        _ call: InstanceCall, _ instance: InstanceID, _ release: Release
    ) async -> Result<InstanceAnswer, InstanceCallTrouble> {
        let mirror: ClusterMirror
        do throws(PortError) { mirror = try await desk.mirror(of: release) } catch {
            return .failure(InstanceCallTrouble(kind: .badRequest, words: error.message))
        }
        let pods = await mirror.all(.pods, labels: [ReleaseRendering.serviceLabel: release.service.text])
        guard let pod = pods.lazy.map({ PodReading($0) }).first(where: { $0.id == instance }) else {
            return .failure(InstanceCallTrouble(kind: .noAnswer, words: "its pod is gone"))
        }
        let path = "/api/v1/namespaces/\(mirror.namespace)/pods/\(pod.name):\(call.port)/proxy\(call.target)"
        var request = RawRequest(call.method, path, body: call.body.map { Array($0.utf8) }, accept: "*/*")
        for header in call.headers {
            switch header.name.lowercased() {
            case "content-type": request.type = header.value
            case "accept": request.accept = header.value
            // The API server says them itself.
            case "host", "connection": break
            case _: request.headers.append(RawHeader(header.name, header.value))
            }
        }
        let start = ContinuousClock.now
        do throws(ClusterTrouble) {
            return Self.answer(try await mirror.client.send(request), took: .now - start)
        } catch {
            return .failure(InstanceCallTrouble(kind: .noAnswer, words: error.text))
        }
    }

    /// By which the API server is told who asks: whoever asks would be somebody else, or nobody.
    private static func isServers(_ header: String) -> Bool {
        let name = header.lowercased()
        return name == "authorization" || name.hasPrefix("impersonate-")
    }

    /// The API server's own words are no answer of the pod's.
    private static func answer(
        _ answer: RawAnswer, took: Duration
    ) -> Result<InstanceAnswer, InstanceCallTrouble> {
        if [403, 404, 502, 503].contains(answer.status), let said = ObjectValue(json: answer.body),
            said["kind"] == "Status", said["apiVersion"] == "v1"
        {
            let isRight = answer.status == 403
            let words = said["message"]?.text ?? "status \(answer.status)"
            return .failure(InstanceCallTrouble(kind: isRight ? .badRequest : .noAnswer, words: words))
        }
        let limit = InstanceAnswer.bodyLimit
        return .success(
            InstanceAnswer(
                status: answer.status, headers: answer.headers.map { ($0.name, $0.value) },
                body: Array(answer.body.prefix(limit)), isCut: answer.body.count > limit, took: took))
    }
}
