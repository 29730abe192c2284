package import ArgumentParser
import ClusterJournal
import Dispatch
import FoundationEssentials
import Glibc
import KubernetesAPI
import Logging

/// `slipway server`: the engine inside a cluster. Started by the cluster.
package struct ServerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Decide and carry out inside a cluster; started by the cluster.",
        discussion: """
            Several may run: one leads, the others stand by. `slipway install server` puts them there.

            Example:
              slipway server --namespace slipway
            """,
        shouldDisplay: false)

    @Option(help: "Where its records and its lease are. [env: POD_NAMESPACE]")
    package var namespace: String?

    @Option(help: "Where it keeps its records: crd, configmaps.")
    package var records: RecordsOption = .crd

    @Option(help: "The kubeconfig context of the cluster, outside of it.")
    package var context: String?

    @Option(help: "The address that it listens on.")
    package var address = "0.0.0.0"

    @Option(help: "Where it answers, while it leads.")
    package var port = 8080

    @Option(help: "Where it says how it is.")
    package var healthPort = 8081

    @Option(help: "For how many seconds others wait for whoever leads.")
    package var leaseSeconds = 15

    package init() {}

    package func validate() throws {
        guard (3...300).contains(leaseSeconds) else { throw ValidationError("--lease-seconds is 3 to 300") }
    }

    package func run() async throws {
        shareMemoryAmongThreads()
        signal(SIGPIPE, SIG_IGN)
        umask(0o077)
        var logger = Logger(label: "server") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .info
        let variables = ProcessInfo.processInfo.environment
        do {
            let access =
                try ClusterAccess.inCluster(environment: variables)
                ?? ClusterAccess.find(context: context, environment: variables)
            let pod = variables["POD_NAME"]
            let settings = ServerSettings(
                namespace: namespace ?? variables["POD_NAMESPACE"] ?? access.namespace ?? ClusterSeat.standardNamespace,
                records: records.choice,
                identity: "\(pod ?? "outside")-\(UUID().uuidString.lowercased().prefix(8))", pod: pod,
                address: address, port: port, healthPort: healthPort, times: LeaseTimes(seconds: leaseSeconds))
            try await ServerRole(settings, access, logger: logger).run()
        } catch {
            note("the server cannot run: \(error)")
            throw ExitCode(70)
        }
    }
}

/// `crd` or `configmaps`, as a word of the command line.
package enum RecordsOption: String, ExpressibleByArgument, CaseIterable, Sendable {
    case crd, configmaps

    var choice: RecordsChoice {
        switch self {
        case .crd: .crd
        case .configmaps: .configmaps
        }
    }
}

extension LeaseTimes {
    /// In the proportions of client-go: two thirds until whoever leads gives up, two fifteenths between two looks.
    init(seconds: Int) {
        let duration = Int64(seconds) * 1000
        self.init(duration: duration, renew: duration * 2 / 3, retry: duration * 2 / 15)
    }
}
