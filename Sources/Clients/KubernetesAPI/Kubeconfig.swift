import FoundationEssentials
import Yams

/// Clusters, users and contexts, merged of one or several files as kubectl merges them: the first file that sets a
/// value wins, and paths are relative to the file that they stand in.
///
/// Source: kubernetes.io, *Organizing Cluster Access Using kubeconfig Files*.
package struct Kubeconfig: Sendable {
    var clusters: [String: KubeconfigCluster] = [:]
    var users: [String: KubeconfigUser] = [:]
    package var contexts: [String: KubeconfigContext] = [:]
    package var currentContext: String?
    /// The files that were read.
    package var files: [String] = []

    package init() {}

    /// The files that kubectl would read.
    /// - Parameter explicit: a file that a person named; nothing else is read then.
    package static func paths(explicit: String?, variable: String?, home: String) -> [String] {
        if let explicit { return [explicit] }
        let listed = (variable ?? "").split(separator: ":").map(String.init)
        return listed.isEmpty ? ["\(home)/.kube/config"] : listed
    }

    /// - Parameter mayMiss: whether a file that is not there is passed over, as kubectl does with `KUBECONFIG`'s.
    package static func read(_ paths: [String], mayMiss: Bool) throws(ClusterTrouble) -> Kubeconfig {
        var merged = Kubeconfig()
        for path in paths {
            guard FileManager.default.fileExists(atPath: path) else {
                if mayMiss { continue }
                throw ClusterTrouble(
                    .configuration, "there is no kubeconfig at \(path)", hint: "KUBECONFIG names another file")
            }
            let text: String
            do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
                throw ClusterTrouble(.configuration, "the kubeconfig \(path) cannot be read: \(error)")
            }
            try merged.merge(text, path: path)
        }
        return merged
    }

    /// Adds what a file says and earlier files did not.
    mutating func merge(_ text: String, path: String) throws(ClusterTrouble) {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw ClusterTrouble(.configuration, "the kubeconfig \(path) is no YAML: \(error)")
        }
        files.append(path)
        guard let root, root.mapping != nil else { return }
        let directory = URL(filePath: path).deletingLastPathComponent().path
        if currentContext == nil, let current = root["current-context"]?.string, !current.isEmpty {
            currentContext = current
        }
        for (name, node) in Self.named(root["clusters"], "cluster") where clusters[name] == nil {
            clusters[name] = KubeconfigCluster(node, directory: directory)
        }
        for (name, node) in Self.named(root["users"], "user") where users[name] == nil {
            users[name] = KubeconfigUser(node, directory: directory)
        }
        for (name, node) in Self.named(root["contexts"], "context") where contexts[name] == nil {
            contexts[name] = KubeconfigContext(
                cluster: node["cluster"]?.string ?? "", user: node["user"]?.string ?? "",
                namespace: node["namespace"]?.string)
        }
    }

    private static func named(_ list: Node?, _ key: String) -> [(String, Node)] {
        (list?.sequence ?? []).compactMap { entry in
            guard let name = entry["name"]?.string, let node = entry[key] else { return nil }
            return (name, node)
        }
    }

    /// What a context stands for.
    /// - Parameter name: nil: the current one.
    package func access(context name: String?) throws(ClusterTrouble) -> ClusterAccess {
        let known = contexts.keys.sorted().joined(separator: ", ")
        guard let chosen = name ?? currentContext else {
            throw ClusterTrouble(
                .configuration, "no context is chosen in \(files.joined(separator: ", "))",
                hint: "`context:` of the environment names one of: \(known)")
        }
        guard let context = contexts[chosen] else {
            throw ClusterTrouble(
                .configuration, "there is no context \(chosen) in \(files.joined(separator: ", "))",
                hint: known.isEmpty ? "kubectl config set-context makes one" : "there are: \(known)")
        }
        guard let cluster = clusters[context.cluster], !cluster.server.isEmpty else {
            throw ClusterTrouble(
                .configuration, "the context \(chosen) names the cluster \(context.cluster), which is not described",
                hint: "kubectl config view shows what is there")
        }
        guard context.user.isEmpty || users[context.user] != nil else {
            throw ClusterTrouble(
                .configuration, "the context \(chosen) names the user \(context.user), who is not described",
                hint: "kubectl config view shows what is there")
        }
        let user = users[context.user] ?? KubeconfigUser()
        return ClusterAccess(
            name: chosen, server: cluster.server, namespace: context.namespace, authorities: cluster.authorities,
            serverName: cluster.serverName, isInsecure: cluster.isInsecure, proxy: cluster.proxy,
            certificate: user.certificate, key: user.key, credential: user.credential,
            impersonate: user.impersonate)
    }
}

package struct KubeconfigContext: Hashable, Sendable {
    package var cluster: String
    package var user: String
    package var namespace: String?
}

/// Text that stands in a file, or in a file of its own.
package enum KubeconfigText: Hashable, Sendable {
    /// Decoded.
    case inline([UInt8])
    case file(String)
}

struct KubeconfigCluster: Sendable {
    var server: String
    var authorities: KubeconfigText?
    var serverName: String?
    var isInsecure: Bool
    var proxy: String?

    init(_ node: Node, directory: String) {
        server = node["server"]?.string ?? ""
        while server.hasSuffix("/") { server.removeLast() }
        authorities = node.text("certificate-authority", directory)
        serverName = node["tls-server-name"]?.string
        isInsecure = node["insecure-skip-tls-verify"]?.bool ?? false
        proxy = node["proxy-url"]?.string
    }
}

struct KubeconfigUser: Sendable {
    var certificate: KubeconfigText?
    var key: KubeconfigText?
    var credential: ClusterCredential = .none
    var impersonate: String?

    init() {}

    init(_ node: Node, directory: String) {
        certificate = node.text("client-certificate", directory)
        key = node.text("client-key", directory)
        impersonate = node["as"]?.string
        // As in client-go: a file is read again and again, and goes before a token that stands there.
        if let file = node["tokenFile"]?.string, !file.isEmpty {
            credential = .tokenFile(Node.absolute(file, directory))
        } else if let token = node["token"]?.string, !token.isEmpty {
            credential = .token(token)
        } else if let exec = node["exec"], let command = exec["command"]?.string {
            credential = .plugin(CredentialPlugin(exec, command: command, directory: directory))
        } else if let name = node["username"]?.string, let password = node["password"]?.string {
            credential = .basic(user: name, password: password)
        }
    }
}

extension CredentialPlugin {
    fileprivate init(_ node: Node, command: String, directory: String) {
        let env = (node["env"]?.sequence ?? []).compactMap { entry -> (String, String)? in
            guard let name = entry["name"]?.string else { return nil }
            return (name, entry["value"]?.string ?? "")
        }
        self.init(
            // A bare name is searched for; anything else is relative to the file.
            command: command.contains("/") ? Node.absolute(command, directory) : command,
            arguments: (node["args"]?.sequence ?? []).compactMap(\.string),
            env: Dictionary(env) { $1 },
            apiVersion: node["apiVersion"]?.string ?? "client.authentication.k8s.io/v1",
            hint: node["installHint"]?.string ?? "", wantsCluster: node["provideClusterInfo"]?.bool ?? false)
    }
}

extension Node {
    /// `KEY-data` (base64) before `KEY` (a path).
    fileprivate func text(_ key: String, _ directory: String) -> KubeconfigText? {
        if let data = self["\(key)-data"]?.string, !data.isEmpty {
            let bare = data.filter { !$0.isWhitespace }
            return .inline([UInt8](Data(base64Encoded: bare) ?? Data()))
        }
        guard let path = self[key]?.string, !path.isEmpty else { return nil }
        return .file(Self.absolute(path, directory))
    }

    fileprivate static func absolute(_ path: String, _ directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }
}
