import Domain
import FoundationEssentials
import Glibc
import Logging
import Ports

/// Makes a release's files stand: the shared read-only tree of its artifact, or a tree of its own where `prepare` has
/// to run in the final place. A tree of its own counts only with its marker, which is written last.
struct ReleaseFiles: Sendable {
    struct Failure: Error {
        var text: String
    }

    let layout: InstanceLayout
    let configuration: ProcessRuntimeConfiguration
    let artifacts: any ArtifactStorePort
    let jobs: Jobs
    let work: BlockingWork

    /// - Returns: the directory that is `${artifact}` and the working directory of the release's instances.
    func stand(_ release: Release) async throws -> String {
        let place = layout.release(release)
        do {
            try await work.run {
                try Tree.make(place)
                let known = release.known(as: release.number.origin)
                try SmallFile.replace(place + "/release.json", with: Array(try JSONEncoder().encode(known)))
            }
            guard let artifact = release.parts.artifact else {
                try await work.run { try Tree.make(place + "/root") }
                return place + "/root"
            }
            let marker = place + "/prepared"
            let source = release.parts.spec.artifact
            guard let source, !source.prepare.isEmpty else { return try await artifacts.unpack(artifact.digest) }
            let wanted = Array(release.digest.description.utf8)
            if try await work.run({ SmallFile.bytes(marker) == wanted }) { return place + "/root" }
            let tree = try await artifacts.unpack(artifact.digest)
            try await work.run {
                try Tree.remove(place + "/root")
                try Tree.remove(place + "/prepare.log")
                try Tree.remove(place + "/tmp")
                try Tree.make(place + "/tmp")
                try Tree.copy(tree, to: place + "/root")
            }
            try await prepare(release, source, place)
            try await work.run {
                try Tree.seal(place + "/root")
                try Tree.remove(place + "/tmp")
                try SmallFile.replace(marker, with: wanted, isDurable: true)
            }
            return place + "/root"
        } catch let error as PortError {
            throw Failure(text: error.description)
        } catch let error as LaunchFailure {
            throw Failure(text: "prepare: " + Trouble(headline: error.text, hint: error.hint).text)
        } catch let error as HostError {
            throw Failure(text: "prepare could not be started: \(error)")
        }
    }

    private func prepare(_ release: Release, _ source: ArtifactSource, _ place: String) async throws {
        let root = place + "/root"
        let log = place + "/prepare.log"
        let program = try ProgramSearch.find(source.prepare[0], directory: root, searchPath: configuration.searchPath)
        let started = Clock.boot()
        let limit = max(1, source.prepareTimeout.milliseconds)
        let request = HostSpawn(
            token: jobs.nextToken(), program: program, arguments: source.prepare,
            environment: InstanceSurroundings.prepareEnvironment(
                release, root: root, searchPath: configuration.searchPath, home: configuration.home,
                temporary: place + "/tmp"),
            directory: root, logPath: log, logLimit: configuration.logLimit, stopSignal: SIGTERM, stopGrace: 1000)
        let exit = try await jobs.run(request, timeout: limit)
        if case .some(.exited(0)) = exit?.status { return }
        let command = source.prepare.joined(separator: " ")
        var trouble = Trouble()
        if let exit {
            trouble.headline = "prepare failed: `\(command)` \(Trouble.ending(exit, after: Clock.boot() - started))"
        } else {
            trouble.headline = "prepare failed: `\(command)` did not end within \(source.prepareTimeout.rounded)"
        }
        // Without its last lines the failure is still told; the hint names the file.
        do {
            trouble.lines = try LogFiles.tail(log, lines: Trouble.lineLimit).map(\.text)
        } catch {
            trouble.lines = ["(its log cannot be read: \(error))"]
        }
        trouble.hint = "run it by hand in a checkout; all that it wrote is in \(log)"
        throw Failure(text: trouble.text)
    }
}

/// Processes that are no instances, run to their end.
struct Jobs: Sendable {
    let host: any InstanceHost
    let board: JobBoard
    let nextToken: @Sendable () -> UInt64

    /// Runs a program to its end; nil when it did not come within `timeout` milliseconds (then all of it is killed).
    func run(_ request: HostSpawn, timeout: Int64) async throws -> HostExit? {
        board.open(request.token)
        defer { board.close(request.token) }
        let process = try await host.spawn(request)
        if let exit = await board.wait(request.token, milliseconds: timeout) {
            try await host.acknowledge(request.token)
            return exit
        }
        try await host.signal(process, SIGKILL, toGroup: true)
        if await board.wait(request.token, milliseconds: 5000) != nil { try await host.acknowledge(request.token) }
        return nil
    }
}

/// The clocks.
enum Clock {
    /// Milliseconds since boot, counted through suspend.
    static func boot() -> Int64 { read(CLOCK_BOOTTIME) }
    /// Milliseconds since 1970.
    static func wall() -> Int64 { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
