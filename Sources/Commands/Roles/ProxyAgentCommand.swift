package import ArgumentParser
import FoundationEssentials
import Glibc
import KeeperControl
import KubernetesAPI
import ProxyAgent
import ProxyControl

/// `slipway proxy-agent`: leads the proxy of its pod by what the cluster tells. Started by the keeper.
package struct ProxyAgentCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "proxy-agent", abstract: "Lead a proxy inside a cluster; started by the keeper.",
        discussion: """
            Example:
              slipway proxy-agent --state /run/slipway/state
            """,
        shouldDisplay: false)

    @Option(help: "Slipway's state directory.")
    package var state: String?

    package init() {}

    package func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let state = StateDirectory(state)
        let environment = ProcessInfo.processInfo.environment
        let (end, ended) = AsyncStream.makeStream(of: Void.self)
        let link = try KeeperLink { event in
            switch event {
            case .closed: ended.finish()
            // Requests in flight are counted to their end.
            case .shuttingDown, .exited, .proxyUp, .proxyDown, .listenerAdded, .listenerRemoved: break
            }
        }
        let role: AgentRole
        do throws(ClusterTrouble) {
            let access = try ClusterAccess.find(context: nil, environment: environment)
            guard let address = environment["POD_IP"], !address.isEmpty,
                let namespace = environment["POD_NAMESPACE"] ?? access.namespace
            else { throw ClusterTrouble(.configuration, "POD_IP and POD_NAMESPACE say nothing") }
            role = AgentRole(
                AgentConfiguration(
                    namespace: namespace, address: address,
                    client: KubernetesClient(access, environment: environment),
                    control: ProxyControlClient(path: state.proxySocket), link: link, report: { note($0) }))
        } catch {
            note("the agent cannot run: \(error.text)")
            throw ExitCode(78)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await role.run() } catch { note("the agent cannot go on: \(error)") }
            }
            group.addTask {
                for await _ in end {}
            }
            await group.next()
            // Connections to those who read must not keep it from ending.
            _exit(0)
        }
    }
}
