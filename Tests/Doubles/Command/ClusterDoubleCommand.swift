import ArgumentParser
import ClusterDouble
import Dispatch
import FoundationEssentials
import Glibc

/// A cluster for end-to-end tests, in a process of its own.
@main struct ClusterDoubleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster-double", abstract: "Answer as a cluster's API server does, until a signal ends it.",
        discussion: """
            Pods behave as the last word of their image says: example/serves:1, never, dies, missing, ends.
            Its port is printed on the first line.
            """)

    @Option(help: "Write a kubeconfig that leads here to this file.")
    var kubeconfig: String?

    @Option(
        help: ArgumentHelp(
            "Pods of this image are processes of this program; may be given again.", valueName: "image=program"))
    var program: [String] = []

    @Option(help: "Where such pods have their volumes and logs; a short path.")
    var directory: String?

    @Option(help: "How many pods it has room for.")
    var room = Int.max

    @Option(help: "Write a line for each request that comes to this file, as it comes.")
    var log: String?

    @Option(help: "Write every request that changed something to this file, one a line, whenever SIGUSR1 asks for it.")
    var writes: String?

    mutating func run() async throws {
        var settings = ClusterSettings()
        settings.room = room
        if !program.isEmpty {
            let pairs = program.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
            guard let directory, pairs.allSatisfy({ $0.count == 2 }) else {
                throw ValidationError("--program IMAGE=PROGRAM, and with it --directory DIR")
            }
            settings.programs = try PodPrograms(
                Dictionary(pairs.map { ($0[0], $0[1].split(separator: " ").map(String.init)) }) { $1 }, in: directory)
        }
        let double = try await ClusterDouble.start(settings, faults: try noting())
        if let kubeconfig {
            let text = """
                apiVersion: v1
                kind: Config
                current-context: double
                contexts:
                - name: double
                  context: {cluster: double, user: admin}
                clusters:
                - name: double
                  cluster: {server: "http://127.0.0.1:\(double.port)"}
                users:
                - name: admin
                  user: {token: admin}

                """
            try Data(text.utf8).write(to: URL(filePath: kubeconfig))
        }
        let line = Array("\(double.port)\n".utf8)
        // Whoever started it waits for this line; without him nobody reads it.
        _ = write(STDOUT_FILENO, line, line.count)
        let (signals, told) = AsyncStream.makeStream(of: Void.self)
        signal(SIGTERM, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGTERM)
        source.setEventHandler { told.finish() }
        source.resume()
        signal(SIGUSR1, SIG_IGN)
        let asked = DispatchSource.makeSignalSource(signal: SIGUSR1)
        asked.setEventHandler { [writes] in
            guard let writes else { return }
            let text = double.writes.map { $0 + "\n" }.joined()
            // Whoever asked finds no file then, and says so.
            try? Data(text.utf8).write(to: URL(filePath: writes), options: .atomic)
        }
        asked.resume()
        for await _ in signals {}
        asked.cancel()
        await double.stop()
    }

    /// Nothing goes wrong; every request is written down.
    private func noting() throws -> FaultPlan {
        guard let log else { return FaultPlan() }
        let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw ValidationError("\(log) cannot be written") }
        return FaultPlan { mark in
            let line = Array("\(mark.isWatch ? "WATCH" : mark.method) \(mark.path)\n".utf8)
            // Whoever reads it misses a line at worst.
            _ = write(file, line, line.count)
            return nil
        }
    }
}
