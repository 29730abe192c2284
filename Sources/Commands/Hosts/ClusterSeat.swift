package import ArgumentParser
import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Manifests
import Server
import SupervisorAPI

/// A server inside a cluster, as commands find it.
struct ClusterSeat: Hashable, Sendable, CustomStringConvertible {
    static let standardNamespace = "slipway"

    /// The kubeconfig context; nil: the current one.
    var context: String?
    var namespace = ClusterSeat.standardNamespace

    var description: String {
        "the server in namespace \(namespace) of " + (context.map { "the cluster \($0)" } ?? "the current cluster")
    }

    /// The options of a command that are about this server.
    var installation: String {
        "slipway install server" + (context.map { " --context \($0)" } ?? "")
            + (namespace == Self.standardNamespace ? "" : " --namespace \(namespace)")
    }
}

/// `--server`: `cluster`, `cluster:CONTEXT`, `cluster:CONTEXT/NAMESPACE`, or `here`.
package enum ServerOption: ExpressibleByArgument, Hashable, Sendable {
    /// Slipway on this machine, whatever the manifest says.
    case here
    case cluster(context: String?, namespace: String?)

    package init?(argument: String) {
        if argument == "here" {
            self = .here
            return
        }
        let words = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard words[0] == "cluster" else { return nil }
        guard words.count == 2 else {
            self = .cluster(context: nil, namespace: nil)
            return
        }
        // Names of contexts may have slashes: what follows the last one is the namespace, when it can be one.
        let rest = words[1]
        guard let slash = rest.lastIndex(of: "/"), isValidName(String(rest[rest.index(after: slash)...])) else {
            guard !rest.isEmpty else { return nil }
            self = .cluster(context: rest, namespace: nil)
            return
        }
        let context = String(rest[..<slash])
        self = .cluster(
            context: context.isEmpty ? nil : context, namespace: String(rest[rest.index(after: slash)...]))
    }

    package static var defaultCompletionKind: CompletionKind { .list(["here", "cluster"]) }
}

/// Where the supervisor of an environment is.
enum Seat {
    case here
    case machine(RemoteHost)
    case cluster(ClusterSeat)

    /// As `--host` or `--server` says, or the manifest of the environment.
    init(_ options: CommonOptions, _ environment: EnvironmentID?) throws {
        if options.host != nil, options.server != nil {
            throw usageError("--host and --server exclude each other", hint: "one says a machine, the other a cluster")
        }
        let settings = options.host == nil ? try manifestSettings(options, environment) : nil
        switch options.server {
        case .here: self = .here
        case .cluster(let context, let namespace):
            self = .cluster(
                ClusterSeat(
                    context: context ?? settings?.context,
                    namespace: namespace ?? settings?.server ?? ClusterSeat.standardNamespace))
        case nil:
            if let name = options.host ?? settings?.host {
                self = .machine(try HostsFile.read().host(name))
            } else if let namespace = settings?.server {
                self = .cluster(ClusterSeat(context: settings?.context, namespace: namespace))
            } else {
                self = .here
            }
        }
    }
}

/// Through the cluster's API server, which leads to the pod that leads, with a token made for this server alone.
struct ServiceProxyWay: SupervisorWay {
    let seat: ClusterSeat
    private let client: KubernetesClient
    private let tokens: SpokenToken

    init(_ seat: ClusterSeat) throws {
        self.seat = seat
        let variables = ProcessInfo.processInfo.environment
        var limits = ClientLimits()
        // Hooks run before a deployment is answered.
        limits.silence = 7_200_000
        do throws(ClusterTrouble) {
            client = KubernetesClient(
                try ClusterAccess.find(context: seat.context, environment: variables), environment: variables,
                limits: limits)
        } catch {
            throw SupervisorError(code: "cluster", message: error.text, hint: error.hint)
        }
        tokens = SpokenToken(client, seat, account: variables["SLIPWAY_ACCOUNT"])
    }

    func close() async throws { try await client.shutdown() }

    var updateHint: String { "\(seat.installation) brings it to this version" }

    func send(_ request: SupervisorRequest) async throws -> SupervisorAnswer {
        let token = try await tokens.current()
        let path =
            APIResource(.service).path(namespace: seat.namespace, name: "\(ServerRendering.name):api", part: "proxy")
            + request.path
        let answer: RawAnswer
        do throws(ClusterTrouble) {
            answer = try await client.send(
                RawRequest(
                    request.method, path, body: request.body, type: request.type,
                    headers: [
                        RawHeader(TokenDoor.header, token),
                        RawHeader(SupervisorRequest.versionHeader, request.version),
                    ]), within: request.seconds * 1000)
        } catch {
            throw SupervisorError(
                code: "unreachable", message: "\(seat) cannot be asked: \(error.text)", hint: error.hint)
        }
        guard let version = answer.values(SupervisorRequest.versionHeader).first else { throw refusal(answer) }
        return SupervisorAnswer(status: answer.status, version: version, body: answer.body)
    }

    /// What the API server itself says.
    private func refusal(_ answer: RawAnswer) -> SupervisorError {
        let message = ObjectValue(json: answer.body)?["message"]?.text ?? "HTTP \(answer.status)"
        switch answer.status {
        case 403:
            return SupervisorError(
                code: "forbidden", message: "you may not ask \(seat): \(message)",
                hint: "the role slipway-operator or slipway-viewer there lets people in")
        case 404:
            return SupervisorError(
                code: "not-running", message: "there is no server: \(seat) was asked for, and \(message)",
                hint: "\(seat.installation) puts one there")
        case _:
            return SupervisorError(
                code: "unreachable", message: "\(seat) does not answer: \(message)",
                hint: "kubectl -n \(seat.namespace) get pods,lease shows whether one of them leads")
        }
    }
}

/// The token that says who speaks, made by the cluster for an account of the server's namespace.
private actor SpokenToken {
    private let client: KubernetesClient
    private let seat: ClusterSeat
    private let accounts: [String]
    private var kept: (token: String, until: ContinuousClock.Instant)?

    /// - Parameter account: nil: the operator's, or the viewer's for whoever may not be that.
    init(_ client: KubernetesClient, _ seat: ClusterSeat, account: String?) {
        self.client = client
        self.seat = seat
        accounts = account.map { [$0] } ?? [ServerRendering.operatorAccount, ServerRendering.viewerAccount]
    }

    private static let seconds = 600

    func current() async throws -> String {
        if let kept, kept.until > .now { return kept.token }
        var refusal = ClusterTrouble(.forbidden, "there is no account to speak as")
        for account in accounts {
            do throws(ClusterTrouble) {
                let made = try await client.token(
                    of: account, in: seat.namespace, audience: TokenReviews.audience, seconds: Self.seconds)
                // Not to its last moment: what is asked with it takes its time.
                kept = (made, .now + .seconds(Self.seconds / 2))
                return made
            } catch {
                refusal = error
                guard case .forbidden = error.kind else { break }
            }
        }
        let isMissing = refusal.kind == .notFound
        throw SupervisorError(
            code: isMissing ? "not-running" : "forbidden",
            message: "no token for \(seat) is to be had: \(refusal.text)",
            hint: isMissing
                ? "\(seat.installation) puts a server there"
                : "it takes the right to create serviceaccounts/token there, or SLIPWAY_ACCOUNT for another account")
    }
}
