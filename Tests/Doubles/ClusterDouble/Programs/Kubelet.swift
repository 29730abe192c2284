import FoundationEssentials
import KubernetesObjects
import Synchronization

/// The one node's kubelet, where pods are processes.
final class Kubelet: Sendable {
    let programs: PodPrograms
    private let runs = Mutex(Runs())
    private let ordered: AsyncStream<Order>.Continuation
    private let orders: AsyncStream<Order>

    private struct Runs {
        /// By the pods' UIDs.
        var all: [String: PodRun] = [:]
        var count = 0
        /// Of the API, for those who ask it from inside a pod.
        var server = ""
    }

    private enum Order {
        case live(PodRun)
        case end(PodRun, grace: Int64)
    }

    init(_ programs: PodPrograms) {
        self.programs = programs
        (orders, ordered) = AsyncStream.makeStream(of: Order.self, bufferingPolicy: .bufferingOldest(100_000))
    }

    /// Where pods find the API.
    func serve(at server: String) { runs.withLock { $0.server = server } }

    /// Runs what it is told to, until it is stopped.
    func work() async {
        await withDiscardingTaskGroup { group in
            for await order in orders {
                group.addTask {
                    switch order {
                    case .live(let run): await run.live()
                    case .end(let run, let grace): await run.end(within: grace)
                    }
                }
            }
            for run in self.runs.withLock({ Array($0.all.values) }) { await run.kill() }
            group.cancelAll()
        }
    }

    func stop() { ordered.finish() }

    /// Takes a pod in that is to run here.
    /// - Returns: false when it is not a pod of a program.
    func see(_ pod: ObjectValue, _ key: ObjectKey, _ cluster: isolated Cluster) -> Bool {
        let image = pod.at("spec", "containers")?.items.first?["image"]?.text ?? ""
        guard let program = programs.program(of: image) else { return false }
        let uid = pod.at("metadata", "uid")?.text ?? ""
        let known = runs.withLock { $0.all[uid] }
        guard pod.at("metadata", "deletionTimestamp") == nil else {
            let grace = pod.at("metadata", "deletionGracePeriodSeconds")?.number ?? 30
            if let known, pod.isAlive { ordered.yield(.end(known, grace: grace)) } else { cluster.letGo(pod, key) }
            return true
        }
        guard known == nil, pod.isAlive else { return true }
        let (number, server) = runs.withLock { runs in
            runs.count += 1
            return (runs.count, runs.server)
        }
        let account = pod.at("spec", "automountServiceAccountToken") == false ? nil : Self.account(pod, key)
        let run = PodRun(
            pod, key, program: program, folder: "\(programs.directory)/p\(number)",
            address: "127.\(programs.network).\(number / 250 + 1).\(number % 250 + 1)",
            kubeconfig: account.map { kubeconfig($0, server) } ?? "", cluster)
        runs.withLock { $0.all[uid] = run }
        ordered.yield(.live(run))
        return true
    }

    /// A pod that is not there any more: nothing of it may run.
    func miss(_ key: ObjectKey) {
        for run in runs.withLock({ Array($0.all.values) }) where run.key == key {
            ordered.yield(.end(run, grace: 0))
            forget(run.uid)
        }
    }

    func forget(_ uid: String) { runs.withLock { $0.all[uid] = nil } }

    private static func account(_ pod: ObjectValue, _ key: ObjectKey) -> String {
        "system:serviceaccount:\(key.namespace):\(pod.at("spec", "serviceAccountName")?.text ?? "default")"
    }

    /// What leads a pod to the API as its account.
    private func kubeconfig(_ account: String, _ server: String) -> String {
        let path = "\(programs.directory)/\(account.replacing(":", with: "-"))"
        let text = """
            apiVersion: v1
            kind: Config
            current-context: double
            contexts:
            - name: double
              context: {cluster: double, user: account}
            clusters:
            - name: double
              cluster: {server: "\(server)"}
            users:
            - name: account
              user: {token: admin, as: "\(account)"}

            """
        do { try Data(text.utf8).write(to: URL(filePath: path)) } catch { return "" }
        return path
    }

    /// - Returns: whether its program ran.
    func kill(_ uid: String) async -> Bool {
        guard let run = runs.withLock({ $0.all[uid] }) else { return false }
        return await run.strike()
    }

    /// What a pod's program wrote; nil when it is none of these.
    /// - Parameter isPrevious: of the container before this one.
    func log(_ uid: String, isPrevious: Bool) -> String? {
        guard let run = runs.withLock({ $0.all[uid] }) else { return nil }
        let path = isPrevious ? "\(run.log).previous" : run.log
        // Before it has written anything there is no file.
        return String(decoding: (try? Data(contentsOf: URL(filePath: path))) ?? Data(), as: UTF8.self)
    }
}

extension Cluster {
    /// How a pod is, as its kubelet says.
    func report(_ status: ObjectValue, isReady: Bool, _ key: ObjectKey, _ uid: String) {
        guard let pod = object(key), pod.at("metadata", "uid")?.text == uid else { return }
        var status = status
        status["qosClass"] = pod.at("status", "qosClass")
        status["conditions"] = pod.isReady == isReady ? pod.at("status", "conditions") : nil
        let isTold = status["conditions"]?.items.contains { $0["type"] == "Ready" } ?? false
        if !isTold { status["conditions"] = conditions(isReady: isReady) }
        putStatus(status, of: pod, at: key, by: "kubelet")
    }

    func noteStart(_ name: String) { starts.append(name) }

    /// Nothing of a pod runs any more.
    func hasEnded(_ key: ObjectKey, _ uid: String) {
        guard let pod = object(key), pod.at("metadata", "uid")?.text == uid else { return }
        letGo(pod, key)
    }
}
