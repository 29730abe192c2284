import Asking
import FoundationEssentials
import KubernetesObjects

/// Keeps what says who asks, and gets it anew when it has become old. One question at a time is put to a plugin.
actor CredentialKeeper {
    private let credential: ClusterCredential
    private let access: ClusterAccess
    private let environment: [String: String]
    /// How long a plugin may take, in milliseconds.
    private let limit: Int64
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
        _ access: ClusterAccess, environment: [String: String], limit: Int64 = 60_000,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
    ) {
        self.access = access
        credential = access.credential
        self.environment = environment
        self.limit = limit
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
            let answer = try await Self.run(plugin, access, environment, limit)
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
        _ plugin: CredentialPlugin, _ access: ClusterAccess, _ environment: [String: String], _ limit: Int64
    ) async throws(ClusterTrouble) -> Kept {
        let known = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
        guard known.contains(plugin.apiVersion) else {
            throw ClusterTrouble(
                .configuration, "the credential plugin \(plugin.command) speaks \(plugin.apiVersion)",
                hint: "Slipway speaks \(known.joined(separator: " and "))")
        }
        var env = environment.merging(plugin.env, uniquingKeysWith: { $1 })
        env["KUBERNETES_EXEC_INFO"] = ObjectText.json(question(plugin, access))
        let path = env["PATH"] ?? ProgramRun.standardSearchPath
        let program: String
        switch ProgramSearch(directory: "/", path: path).find(plugin.command) {
        case .found(let found): program = found
        case .missing(let words):
            throw ClusterTrouble(.configuration, "the credential plugin cannot be run: \(words)", hint: plugin.hint)
        }
        let run = ProgramRun(
            program: program, arguments: [plugin.command] + plugin.arguments, env: env, directory: "/",
            limit: .milliseconds(limit))
        let outcome = await run.run(reading: 1 << 20)
        let name = "the credential plugin \(plugin.command)"
        switch outcome.end {
        case .exited(0): return try read(outcome.output, plugin)
        case .exited(let code):
            let last = outcome.lines.last.map { ": \($0)" } ?? ""
            throw ClusterTrouble(.configuration, "\(name) ended with \(code)\(last)", hint: plugin.hint)
        case .signalled(let signal): throw ClusterTrouble(.configuration, "\(name) was ended by signal \(signal)")
        case .timedOut:
            throw ClusterTrouble(
                .unreachable, "\(name) was not done in \(limit / 1000) s, and was stopped",
                hint: "run it by hand: does it wait for an answer of yours?")
        case .tooMuch: throw ClusterTrouble(.configuration, "\(name) printed more than 1 MiB, and was stopped")
        case .notStarted(let words):
            throw ClusterTrouble(.configuration, "\(name) cannot be run: \(words)", hint: plugin.hint)
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
