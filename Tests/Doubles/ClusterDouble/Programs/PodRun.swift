import FoundationEssentials
import Glibc
import KubernetesObjects
import TestServers

/// One pod as its node runs it: its first container, as a process.
actor PodRun {
    nonisolated let pod: ObjectValue
    nonisolated let key: ObjectKey
    private let program: [String]
    private let folder: String
    private let kubeconfig: String
    private let cluster: Cluster
    nonisolated let address: String
    private var process: ContainerProcess?
    private var setting: PodSetting?
    private var isGoing = false
    private var isEnding = false
    private var restarts: Int64 = 0
    private var isReady = false
    private var hasStarted = false
    private var lastState: ObjectValue?
    private let began = Cluster.now

    /// Between the end of a program and its next start; doubled each time, up to the longest.
    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(2)
    /// A kubelet asks at a fixed rhythm; this one asks more often until the first answer that passes.
    private static let hurry = Duration.milliseconds(50)

    init(
        _ pod: ObjectValue, _ key: ObjectKey, program: [String], folder: String, address: String, kubeconfig: String,
        _ cluster: Cluster
    ) {
        self.pod = pod
        self.key = key
        self.program = program
        self.folder = folder
        self.address = address
        self.kubeconfig = kubeconfig
        self.cluster = cluster
    }

    nonisolated var uid: String { pod.at("metadata", "uid")?.text ?? "" }
    nonisolated var log: String { "\(folder)/log" }
    private var container: ObjectValue { pod.at("spec", "containers")?.items.first ?? [:] }
    private var policy: String { pod.at("spec", "restartPolicy")?.text ?? "Always" }

    /// Until it has ended and will not be started again.
    func live() async {
        var pause = Self.firstPause
        while !isGoing {
            do { try await begin() } catch {
                let words = "\(error)"
                await tell(
                    "Pending", ["waiting": ["reason": "CreateContainerError", "message": .text(words)]])
                await rest(for: Self.longestPause)
                continue
            }
            guard let process else { break }
            let startedAt = Cluster.now
            await tell("Running", ["running": ["startedAt": .text(startedAt)]])
            let asking = Task { await ask(startedAt) }
            let code = await process.end()
            asking.cancel()
            process.sweep()
            self.process = nil
            (isReady, hasStarted) = (false, false)
            let end: ObjectValue = [
                "terminated": [
                    "exitCode": .number(code), "reason": code == 0 ? "Completed" : "Error",
                    "startedAt": .text(startedAt), "finishedAt": .text(Cluster.now),
                ]
            ]
            lastState = end
            let isOver = policy == "Never" || policy == "OnFailure" && code == 0
            if isOver || isGoing {
                if isOver || policy == "Never" { await tell(code == 0 ? "Succeeded" : "Failed", end) }
                break
            }
            restarts += 1
            let words = "back-off restarting failed container=\(container["name"]?.text ?? "")"
            await tell("Running", ["waiting": ["reason": "CrashLoopBackOff", "message": .text(words)]])
            await rest(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
        if isGoing { await cluster.hasEnded(key, uid) }
    }

    private func rest(for pause: Duration) async {
        let end = ContinuousClock.now + pause
        while !isGoing, ContinuousClock.now < end {
            // Cancelled when the cluster stops: then it is over soon.
            do { try await Task.sleep(for: .milliseconds(10)) } catch { isGoing = true }
        }
    }

    /// Another cluster's pod on this machine may have the same uid, but not the same address.
    private var mark: String { "\(address)-\(uid)" }

    private func begin() async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if restarts > 0 { rename(log, "\(log).previous") }
        let setting = try await cluster.setting(pod, program, folder, address: address, kubeconfig)
        guard !isGoing else { throw PodPrograms.Trouble(description: "it is to end") }
        self.setting = setting
        process = try ContainerProcess(setting.words, environment: setting.environment, log: log, mark: mark)
        await cluster.noteStart(key.name)
    }

    // MARK: - Probes

    private func ask(_ startedAt: String) async {
        let startup = ContainerProbe(container["startupProbe"], of: container, address: address)
        if let startup, !(await isStarted(startup)) { return }
        hasStarted = true
        guard let readiness = ContainerProbe(container["readinessProbe"], of: container, address: address) else {
            await note(isReady: true, startedAt)
            await watchLife()
            return
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.watchReadiness(readiness, startedAt) }
            group.addTask { await self.watchLife() }
        }
    }

    private func isStarted(_ probe: ContainerProbe) async -> Bool {
        let end = ContinuousClock.now + probe.delay + probe.period * Int(probe.failures)
        while !Task.isCancelled {
            if await probe.isPassed({ await self.run($0) }) { return true }
            guard ContinuousClock.now < end else {
                process?.signal(SIGKILL)
                return false
            }
            // Cancelled with the program.
            do { try await Task.sleep(for: Self.hurry) } catch { return false }
        }
        return false
    }

    private func watchReadiness(_ probe: ContainerProbe, _ startedAt: String) async {
        var (passed, failed) = (Int64(0), Int64(0))
        while !Task.isCancelled {
            let isPassed = await probe.isPassed { await self.run($0) }
            (passed, failed) = isPassed ? (passed + 1, 0) : (0, failed + 1)
            if passed >= probe.successes { await note(isReady: true, startedAt) }
            if failed >= probe.failures { await note(isReady: false, startedAt) }
            // Cancelled with the program.
            do { try await Task.sleep(for: isReady ? probe.period : Self.hurry) } catch { return }
        }
    }

    private func watchLife() async {
        guard let probe = ContainerProbe(container["livenessProbe"], of: container, address: address) else { return }
        var failed = Int64(0)
        while !Task.isCancelled {
            // Cancelled with the program.
            do { try await Task.sleep(for: probe.period) } catch { return }
            failed = await probe.isPassed { await self.run($0) } ? 0 : failed + 1
            if failed >= probe.failures { process?.signal(SIGTERM) }
        }
    }

    private func note(isReady: Bool, _ startedAt: String) async {
        guard process != nil, self.isReady != isReady else { return }
        self.isReady = isReady
        await tell("Running", ["running": ["startedAt": .text(startedAt)]])
    }

    /// A command inside the container.
    private func run(_ command: [String]) async -> Int64 {
        guard let setting, let first = command.first else { return 126 }
        let found = first.hasPrefix("/") ? first : "/usr/bin/\(first)"
        do {
            let process = try ContainerProcess(
                [found] + command.dropFirst(), environment: setting.environment, log: "/dev/null", mark: "\(mark)-probe"
            )
            return await process.end()
        } catch {
            return 126
        }
    }

    // MARK: - Its end

    /// It is told to end, and killed when it takes longer than it may.
    /// - Parameter grace: in seconds, from now on.
    func end(within grace: Int64) async {
        isGoing = true
        let deadline = ContinuousClock.now + .seconds(grace)
        guard !isEnding else {
            if grace == 0 { process?.signal(SIGKILL) }
            return
        }
        isEnding = true
        let stop = container.at("lifecycle", "preStop")
        if let seconds = stop?.at("sleep", "seconds")?.number { await pass(.seconds(seconds), orUntil: deadline) }
        if let command = stop?.at("exec", "command") { _ = await run(command.items.compactMap(\.text)) }
        process?.signal(SIGTERM)
        await pass(.seconds(grace), orUntil: deadline)
        process?.signal(SIGKILL)
    }

    private func pass(_ pause: Duration, orUntil deadline: ContinuousClock.Instant) async {
        let end = min(ContinuousClock.now + pause, deadline)
        while process != nil, ContinuousClock.now < end {
            // Cancelled when the cluster stops: then it is killed at once.
            do { try await Task.sleep(for: .milliseconds(10)) } catch { return }
        }
    }

    /// Its program is killed by somebody.
    func strike() -> Bool {
        process?.signal(SIGKILL)
        return process != nil
    }

    /// The cluster is taken down.
    func kill() {
        isGoing = true
        process?.signal(SIGKILL)
        process?.sweep()
    }

    private func tell(_ phase: String, _ state: ObjectValue) async {
        let status: ObjectValue = [
            "phase": .text(phase), "podIP": .text(address), "hostIP": "192.0.2.1", "startTime": .text(began),
            "containerStatuses": [
                [
                    "containerID": .text("double://\(uid)/\(restarts)"), "image": container["image"],
                    "imageID": container["image"], "name": container["name"], "ready": .bool(isReady),
                    "restartCount": .number(restarts), "started": .bool(hasStarted), "state": state,
                    "lastState": restarts > 0 ? lastState : nil,
                ]
            ],
        ]
        await cluster.report(status, isReady: isReady, key, uid)
    }
}
