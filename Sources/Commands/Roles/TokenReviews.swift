import Domain
import KubernetesAPI
import KubernetesObjects
import Ports
import Server

/// Asks the cluster whose a token is, and what they may do. What it said holds for a minute.
actor TokenReviews {
    /// Whom tokens must be made for.
    static let audience = "slipway"

    private let client: KubernetesClient
    private let namespace: String
    private var holders: [ContentDigest: Said<TokenHolder?>] = [:]
    private var rights: [Question: Said<Bool>] = [:]

    private struct Question: Hashable {
        var token: ContentDigest
        var intent: Intent
    }

    private struct Said<Answer: Sendable> {
        var answer: Answer
        var at: ContinuousClock.Instant

        var holds: Bool { ContinuousClock.now - at < .seconds(60) }
    }

    /// - Parameter namespace: the server's own.
    init(_ client: KubernetesClient, namespace: String) {
        self.client = client
        self.namespace = namespace
    }

    nonisolated var door: TokenDoor {
        TokenDoor(
            speaker: { try await self.holder($0).map { Speaker(name: $0.name) } },
            allows: { try await self.allows($0, $1) })
    }

    private func holder(_ token: String) async throws -> TokenHolder? {
        let key = ContentDigest.of(token.utf8)
        if let said = holders[key], said.holds { return said.answer }
        let review: ObjectValue = [
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": ["token": .text(token), "audiences": [.text(Self.audience)]],
        ]
        let answered: ObjectValue
        do { answered = try await client.create(.tokenReviews, namespace: nil, review) } catch {
            throw PortError(.unavailable, "the cluster does not say whose a token is: \(error.text)", hint: error.hint)
        }
        let holder = TokenHolder(answered, namespace: namespace)
        // What strangers send must not fill the memory.
        if holders.count >= 1000 { holders = holders.filter { $0.value.holds && $0.value.answer != nil } }
        if holders.count < 1000 { holders[key] = Said(answer: holder, at: .now) }
        return holder
    }

    private func allows(_ token: String, _ intent: Intent) async throws -> Bool {
        guard let holder = try await holder(token) else { return false }
        if intent == .greet { return true }
        let question = Question(token: ContentDigest.of(token.utf8), intent: intent)
        if let said = rights[question], said.holds { return said.answer }
        let review: ObjectValue = [
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": [
                "user": .text(holder.user), "groups": .texts(holder.groups), "uid": .text(holder.uid),
                "resourceAttributes": AccessRight.attributes(of: intent, namespace: namespace),
            ],
        ]
        let answered: ObjectValue
        do { answered = try await client.create(.accessReviews, namespace: nil, review) } catch {
            throw PortError(
                .unavailable, "the cluster does not say what \(holder.name) may do: \(error.text)", hint: error.hint)
        }
        let isAllowed = answered.at("status", "allowed") == true
        if rights.count >= 1000 { rights = rights.filter { $0.value.holds } }
        if rights.count < 1000 { rights[question] = Said(answer: isAllowed, at: .now) }
        return isAllowed
    }
}

/// Whose a token is.
struct TokenHolder: Hashable, Sendable {
    /// As the cluster knows them: `system:serviceaccount:slipway:slipway-operator`.
    var user: String
    var uid: String
    var groups: [String]
    /// For people: `slipway-operator`.
    var name: String

    /// Nil for a token that the cluster does not believe, or that was made for somebody else than this server.
    init?(_ review: ObjectValue, namespace: String) {
        let status = review["status"]
        let audiences = status?["audiences"]?.items.compactMap(\.text) ?? []
        guard status?["authenticated"] == true, audiences.contains(TokenReviews.audience),
            let user = status?.at("user", "username")?.text
        else { return nil }
        self.user = user
        uid = status?.at("user", "uid")?.text ?? ""
        groups = status?.at("user", "groups")?.items.compactMap(\.text) ?? []
        let own = "system:serviceaccount:\(namespace):"
        let prefix = "system:serviceaccount:"
        name =
            user.hasPrefix(own)
            ? String(user.dropFirst(own.count))
            : user.hasPrefix(prefix) ? String(user.dropFirst(prefix.count).replacing(":", with: "/")) : user
    }
}

/// Which right in the cluster lets somebody do something here. The resource exists in rules alone.
enum AccessRight {
    static let change = "deploy"
    static let read = "get"

    static func attributes(of intent: Intent, namespace: String) -> ObjectValue {
        let (verb, environment): (String, EnvironmentID?) =
            switch intent {
            case .greet: (read, nil)
            case .read(let environment): (read, environment)
            case .change(let environment): (change, environment)
            }
        return [
            "namespace": .text(namespace), "verb": .text(verb), "group": .text(RecordKind.group),
            "resource": .text(ServerRendering.environments),
            "name": environment.map { .text("\($0.name).\($0.project)") },
        ]
    }
}

extension APIResource {
    static let tokenReviews = APIResource(
        version: "authentication.k8s.io/v1", plural: "tokenreviews", kind: "TokenReview", isNamespaced: false)
    static let accessReviews = APIResource(
        version: "authorization.k8s.io/v1", plural: "subjectaccessreviews", kind: "SubjectAccessReview",
        isNamespaced: false)
}
