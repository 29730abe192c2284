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

    @Option(help: "How many pods it has room for.")
    var room = Int.max

    @Option(help: "Write every request that changed something to this file, one a line, whenever SIGUSR1 asks for it.")
    var writes: String?

    mutating func run() async throws {
        var settings = ClusterSettings()
        settings.room = room
        let double = try await ClusterDouble.start(settings)
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
}
