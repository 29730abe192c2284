import FoundationEssentials
import KubernetesObjects
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Keeps what says who asks, and gets it anew when it has become old. One question at a time is put to a plugin.
actor CredentialKeeper {
    private let credential: ClusterCredential
    private let access: ClusterAccess
    private let environment: [String: String]
    private let now: @Sendable () -> Int64
    private var kept: Kept?
    private var isAsking = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// An answer and until when it holds.
    struct Kept: Sendable {
        var header: String?
        /// Certificate and key as PEM.
        var identity: (certificate: String, key: String)?
        /// Seconds since 1970; nil: until it is refused.
        var until: Int64?
    }

    init(
        _ access: ClusterAccess, environment: [String: String],
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
    ) {
        self.access = access
        credential = access.credential
        self.environment = environment
        self.now = now
    }

    /// What goes into `Authorization`, and a certificate that a plugin gave.
    func current() async throws(ClusterTrouble) -> Kept {
        switch credential {
        case .none: return Kept()
        case .token(let token): return Kept(header: "Bearer \(try Self.visible(token, "the kubeconfig's token"))")
        case .basic(let user, let password):
            return Kept(header: "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())")
        case .tokenFile(let path):
            if let kept, let until = kept.until, now() < until { return kept }
            let text: String
            do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
                throw ClusterTrouble(.configuration, "the token in \(path) cannot be read: \(error)")
            }
            let token = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
            let fresh = Kept(header: "Bearer \(try Self.visible(token, "the token in \(path)"))", until: now() + 60)
            kept = fresh
            return fresh
        case .plugin(let plugin):
            // Whoever waited looks first whether somebody else has it by now.
            while isAsking { await withCheckedContinuation { waiting.append($0) } }
            if let kept, kept.until.map({ now() < $0 }) ?? true { return kept }
            isAsking = true
            defer {
                isAsking = false
                for waiter in waiting { waiter.resume() }
                waiting = []
            }
            let answer = try await Self.run(plugin, access, environment)
            kept = answer
            return answer
        }
    }

    /// The server does not believe it: the next one is got anew.
    func refuse() { kept = nil }

    /// A line break in a header would begin another one.
    private static func visible(_ token: String, _ place: String) throws(ClusterTrouble) -> String {
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw ClusterTrouble(.configuration, "\(place) is empty, or has characters that no token has")
        }
        return token
    }

    // MARK: - Plugins

    private static func run(
        _ plugin: CredentialPlugin, _ access: ClusterAccess, _ environment: [String: String]
    ) async throws(ClusterTrouble) -> Kept {
        let known = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
        guard known.contains(plugin.apiVersion) else {
            throw ClusterTrouble(
                .configuration, "the credential plugin \(plugin.command) speaks \(plugin.apiVersion)",
                hint: "Slipway speaks \(known.joined(separator: " and "))")
        }
        var values: [Environment.Key: String] = [:]
        for (name, value) in environment.merging(plugin.env, uniquingKeysWith: { $1 }) {
            guard let key = Environment.Key(rawValue: name) else { continue }
            values[key] = value
        }
        if let key = Environment.Key(rawValue: "KUBERNETES_EXEC_INFO") {
            values[key] = ObjectText.json(question(plugin, access))
        }
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
        ]
        let executable: Executable =
            plugin.command.contains("/") ? .path(FilePath(plugin.command)) : .name(plugin.command)
        do {
            let result = try await Subprocess.run(
                executable, arguments: Arguments(plugin.arguments), environment: .custom(values),
                platformOptions: options, input: .none, output: .bytes(limit: 1 << 20), error: .string(limit: 1 << 16))
            guard case .exited(0) = result.terminationStatus else {
                let last = result.standardError.split(separator: "\n").last.map { ": \($0)" } ?? ""
                throw ClusterTrouble(
                    .configuration,
                    "the credential plugin \(plugin.command) ended with \(result.terminationStatus)\(last)",
                    hint: plugin.hint)
            }
            return try read(result.standardOutput, plugin)
        } catch let trouble as ClusterTrouble {
            throw trouble
        } catch {
            throw ClusterTrouble(
                .configuration, "the credential plugin \(plugin.command) cannot be run: \(error)", hint: plugin.hint)
        }
    }

    private static func question(_ plugin: CredentialPlugin, _ access: ClusterAccess) -> ObjectValue {
        let cluster: ObjectValue = [
            "server": .text(access.server), "insecure-skip-tls-verify": access.isInsecure ? true : nil,
        ]
        return [
            "apiVersion": .text(plugin.apiVersion), "kind": "ExecCredential",
            "spec": ["interactive": false, "cluster": plugin.wantsCluster ? cluster : nil],
        ]
    }

    private static func read(_ output: [UInt8], _ plugin: CredentialPlugin) throws(ClusterTrouble) -> Kept {
        guard let answer = ObjectValue(json: output), let status = answer["status"] else {
            throw ClusterTrouble(.configuration, "the credential plugin \(plugin.command) gave no ExecCredential")
        }
        var kept = Kept()
        if let token = status["token"]?.text {
            kept.header = "Bearer \(try visible(token, "the token of \(plugin.command)"))"
        }
        if let certificate = status["clientCertificateData"]?.text, let key = status["clientKeyData"]?.text {
            kept.identity = (certificate, key)
        }
        guard kept.header != nil || kept.identity != nil else {
            throw ClusterTrouble(
                .configuration, "the credential plugin \(plugin.command) gave neither a token nor a certificate")
        }
        if let expiry = status["expirationTimestamp"]?.text {
            let date: Date
            do { date = try Date(expiry, strategy: .iso8601) } catch {
                throw ClusterTrouble(
                    .configuration,
                    "the credential plugin \(plugin.command) says that it expires at \(expiry), which is no time")
            }
            kept.until = Int64(date.timeIntervalSince1970) - 10
        }
        return kept
    }
}
