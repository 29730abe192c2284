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
        for await _ in signals {}
        await double.stop()
    }
}
