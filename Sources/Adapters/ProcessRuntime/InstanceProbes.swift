import Domain
import Glibc
import Ports

/// Asks an instance what its probes want to know.
struct InstanceProbes: Sendable {
    let layout: InstanceLayout
    let configuration: ProcessRuntimeConfiguration
    let prober: SocketProber
    let start: InstanceStart
    let jobs: Jobs
    let work: BlockingWork

    /// - Parameter root: the release's directory, for commands.
    func ask(_ ask: ProbeAsk, root: @Sendable () async throws -> String) async -> ProbeOutcome {
        let outcome: ProbeOutcome
        switch ask.check {
        case .http(let path): outcome = await http(path, ask)
        case .tcp: outcome = await tcp(ask)
        case .command(let command): outcome = await run(command, ask, root)
        }
        guard outcome == .pass, ask.verifiesListener, let port = ask.port else { return outcome }
        return await verify(port, ask)
    }

    private func http(_ path: String, _ ask: ProbeAsk) async -> ProbeOutcome {
        guard let port = ask.port else { return .fail("there is no port to ask on") }
        let asked = "GET \(path) on port \(port)"
        let request = HTTPProbe.request(path: path, host: configuration.host, port: port)
        switch await prober.ask(host: configuration.host, port: port, request: request, timeout: ask.timeout) {
        case .failed(let text): return .fail("\(asked): \(text)")
        case .answered(let bytes):
            guard let answer = HTTPProbe.parse(bytes) else { return .fail("\(asked): what came back is no HTTP") }
            return answer.isPass ? .pass : .fail("\(asked) \(answer.words)")
        }
    }

    private func tcp(_ ask: ProbeAsk) async -> ProbeOutcome {
        guard let port = ask.port else { return .fail("there is no port to connect to") }
        switch await prober.ask(host: configuration.host, port: port, request: [], timeout: ask.timeout) {
        case .failed(let text): return .fail("connecting to port \(port): \(text)")
        case .answered: return .pass
        }
    }

    private func run(
        _ command: [String], _ ask: ProbeAsk, _ root: @Sendable () async throws -> String
    ) async -> ProbeOutcome {
        do {
            let launch = Launch(
                instance: ask.instance, token: ask.token, release: ask.release, root: try await root(), port: ask.port)
            let surroundings = try start.surroundings(launch, port: ask.port)
            let scope = try surroundings.scope()
            var arguments: [String] = []
            for argument in command { arguments.append(try scope.expand(argument, place: "probe command")) }
            guard let name = arguments.first else { return .fail("the probe's command is empty") }
            let program = try ProgramSearch.find(
                name, directory: launch.root, searchPath: configuration.searchPath)
            let log = layout.probeLog(ask.instance)
            let exit = try await jobs.run(
                HostSpawn(
                    token: jobs.nextToken(), program: program, arguments: arguments,
                    environment: surroundings.environment(scope), directory: launch.root, logPath: log,
                    logLimit: 64 << 10, stopSignal: SIGTERM, stopGrace: 1000), timeout: ask.timeout)
            guard let exit else {
                return .fail("`\(arguments.joined(separator: " "))` did not end within \(ask.timeout) ms")
            }
            if exit.status == .exited(0) { return .pass }
            let said = try await work.run { try LogFiles.tail(log, lines: 1).first?.text }
            let words =
                switch exit.status {
                case .exited(let code): "exited with code \(code)"
                case .signalled(let number): "was ended by signal \(SignalName.text(number))"
                case .unknown: "ended, nobody could tell how"
                }
            return .fail("`\(arguments.joined(separator: " "))` \(words)" + (said.map { ": \($0.prefix(160))" } ?? ""))
        } catch let error as VariableScope.Unknown {
            return .fail(error.text)
        } catch let error as LaunchFailure {
            return .fail(error.text)
        } catch {
            return .fail("the probe's command could not be run: \(error)")
        }
    }

    /// Whether those who answer on the port are the instance's own processes.
    private func verify(_ port: Int, _ ask: ProbeAsk) async -> ProbeOutcome {
        let main = ask.process.pid
        let mark = "SLIPWAY_INSTANCE_ID=\(ask.instance)"
        let host = configuration.host
        do {
            let answer = try await work.run {
                ListenerOwner.owner(ofPort: port, host: host, main: main, mark: mark)
            }
            switch answer {
            case .own, .unclear: return .pass
            case .nobody: return .fail("its \(ask.role.word) probe passes, but nothing listens on port \(port)")
            case .foreign(let pid):
                let who = pid.map { "process \($0)" } ?? "a process of another user"
                return .foreign("port \(port) was given to this instance, but \(who) listens there")
            }
        } catch {
            return .fail("cannot see who listens on port \(port): \(error)")
        }
    }
}
