package import ArgumentParser
import Glibc
import KeeperControl
import Proxy

/// `slipway proxy`: the data plane. Started by the keeper.
package struct ProxyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "proxy", abstract: "Serve requests; started by the keeper.",
        discussion: """
            Example:
              slipway proxy --state /var/lib/slipway
            """,
        shouldDisplay: false)

    @Option(help: "Slipway's state directory.")
    package var state: String?

    package init() {}

    package func run() async throws {
        let state = StateDirectory(state)
        let (changes, changed) = AsyncStream.makeStream(
            of: ProxyConfiguration.ListenerChange.self, bufferingPolicy: .bufferingNewest(4096))
        let link = try KeeperLink { event in
            switch event {
            case .listenerAdded(let address, let descriptor):
                changed.yield(.adopt(descriptor: descriptor, address: address))
            case .listenerRemoved(let address): changed.yield(.release(address: address))
            case .closed, .shuttingDown: changed.finish()
            case .exited, .proxyUp, .proxyDown: break
            }
        }
        let configuration = ProxyConfiguration(
            controlSocket: state.proxySocket, tableFile: state.routeTable, listeners: changes,
            // Fails only when the keeper's end of the link is gone, which `closed` tells.
            onServing: { try? link.ready() }, report: { note($0) })
        async let _ = releaseProgram(after: .seconds(10))
        do {
            try await ProxyRole.run(configuration: configuration)
        } catch let error as ProxyError {
            note("\(error)")
            throw ExitCode(error.exitStatus)
        }
        link.close()
    }
}
