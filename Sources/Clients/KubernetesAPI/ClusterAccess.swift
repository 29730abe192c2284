import FoundationEssentials

/// How a cluster's API is reached, and as whom.
package struct ClusterAccess: Sendable {
    /// The context, or how else it was found.
    package var name: String
    /// `https://host:port`, perhaps with a path, without a slash at the end.
    package var server: String
    /// The one that requests are about by themselves; nil: `default`.
    package var namespace: String?
    package var authorities: KubeconfigText?
    /// The name that the server's certificate must have, where it is another one than the URL's.
    package var serverName: String?
    package var isInsecure: Bool
    /// `http://host:port`.
    package var proxy: String?
    package var certificate: KubeconfigText?
    package var key: KubeconfigText?
    package var credential: ClusterCredential
    package var impersonate: String?

    package init(
        name: String, server: String, namespace: String? = nil, authorities: KubeconfigText? = nil,
        serverName: String? = nil, isInsecure: Bool = false, proxy: String? = nil, certificate: KubeconfigText? = nil,
        key: KubeconfigText? = nil, credential: ClusterCredential = .none, impersonate: String? = nil
    ) {
        self.name = name
        self.server = server
        self.namespace = namespace
        self.authorities = authorities
        self.serverName = serverName
        self.isInsecure = isInsecure
        self.proxy = proxy
        self.certificate = certificate
        self.key = key
        self.credential = credential
        self.impersonate = impersonate
    }

    /// Where every pod finds what it needs to reach its own cluster.
    package static let accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// From inside a pod.
    /// - Returns: nil when this is no pod.
    package static func inCluster(
        environment: [String: String], directory: String = accountDirectory
    ) -> ClusterAccess? {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], let port = environment["KUBERNETES_SERVICE_PORT"],
            FileManager.default.fileExists(atPath: "\(directory)/token")
        else { return nil }
        let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        var namespace: String?
        do {
            let text = try String(contentsOfFile: "\(directory)/namespace", encoding: .utf8)
            namespace = text.split(whereSeparator: \.isWhitespace).first.map(String.init)
        } catch {
            // Older clusters do not say; then it is the standard one.
            namespace = nil
        }
        return ClusterAccess(
            name: "in-cluster", server: "https://\(authority)", namespace: namespace,
            authorities: .file("\(directory)/ca.crt"), credential: .tokenFile("\(directory)/token"))
    }

    /// As kubectl finds its way: the files, then the pod's own account.
    package static func find(
        context: String?, kubeconfig: String? = nil, environment: [String: String]
    ) throws(ClusterTrouble) -> ClusterAccess {
        let variable = environment["KUBECONFIG"]
        let paths = Kubeconfig.paths(explicit: kubeconfig, variable: variable, home: environment["HOME"] ?? "/root")
        let config = try Kubeconfig.read(paths, mayMiss: kubeconfig == nil)
        if config.files.isEmpty {
            if context == nil, let access = inCluster(environment: environment) { return access }
            throw ClusterTrouble(
                .configuration, "there is no kubeconfig (\(paths.joined(separator: ", ")))",
                hint: "KUBECONFIG names one; kubectl config view shows what is read")
        }
        return try config.access(context: context)
    }
}

/// What is sent to say who asks, besides a client certificate.
package enum ClusterCredential: Hashable, Sendable {
    case none
    case token(String)
    /// Read again when it is a minute old: tokens rotate.
    case tokenFile(String)
    case basic(user: String, password: String)
    case plugin(CredentialPlugin)
}

/// A program that gives a credential.
///
/// Source: kubernetes.io, *client-go credential plugins*.
package struct CredentialPlugin: Hashable, Sendable {
    package var command: String
    package var arguments: [String]
    /// Besides what this process has.
    package var env: [String: String]
    package var apiVersion: String
    /// Shown when the program is not there.
    package var hint: String
    package var wantsCluster: Bool

    package init(
        command: String, arguments: [String], env: [String: String], apiVersion: String, hint: String,
        wantsCluster: Bool
    ) {
        self.command = command
        self.arguments = arguments
        self.env = env
        self.apiVersion = apiVersion
        self.hint = hint
        self.wantsCluster = wantsCluster
    }
}
