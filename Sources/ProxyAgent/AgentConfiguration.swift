package import KeeperControl
package import KubernetesAPI
package import ProxyControl

/// What the agent beside a proxy is told at its start.
package struct AgentConfiguration: Sendable {
    /// Where routes and endpoints are.
    package var namespace: String
    /// Of the pod: sockets are opened on it.
    package var address: String
    /// Of those who ask how the proxy is.
    package var port: Int
    package var client: KubernetesClient
    package var control: ProxyControlClient
    package var link: KeeperLink
    /// Hears of trouble that nobody waits for, a line at a time.
    package var report: @Sendable (String) -> Void

    package init(
        namespace: String, address: String, port: Int = ProxyReport.port, client: KubernetesClient,
        control: ProxyControlClient, link: KeeperLink, report: @escaping @Sendable (String) -> Void
    ) {
        self.namespace = namespace
        self.address = address
        self.port = port
        self.client = client
        self.control = control
        self.link = link
        self.report = report
    }

    /// On the ConfigMaps that hold routes.
    static let routes = "\(ClusterRoute.label)=\(ClusterRoute.record)"
    /// On what Slipway writes: slices carry the labels of their Service.
    static let slices = "app.kubernetes.io/managed-by=slipway"
}
