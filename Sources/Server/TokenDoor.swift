package import Domain
import HTTPTypes
import Hummingbird

/// Somebody who has shown a token.
package struct Speaker: Hashable, Sendable {
    package var name: String

    package init(name: String) { self.name = name }
}

/// What somebody wants to do.
package enum Intent: Hashable, Sendable {
    /// To be told what this server is.
    case greet
    /// To read; of one environment, or of all.
    case read(EnvironmentID?)
    /// To change something.
    case change(EnvironmentID)
}

/// Lets nobody in without a token, and nobody do what it does not allow.
package struct TokenDoor: Sendable {
    /// The header that carries the token. A cluster's API server keeps `Authorization` to itself.
    package static let header = "x-slipway-token"

    /// Nil for a token that nobody believes.
    package var speaker: @Sendable (_ token: String) async throws -> Speaker?
    package var allows: @Sendable (_ token: String, _ intent: Intent) async throws -> Bool

    package init(
        speaker: @escaping @Sendable (String) async throws -> Speaker?,
        allows: @escaping @Sendable (String, Intent) async throws -> Bool
    ) {
        self.speaker = speaker
        self.allows = allows
    }
}

/// Asks everybody at the door.
struct DoorKeeper: RouterMiddleware {
    typealias Context = PeerContext

    let door: TokenDoor

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        guard let name = HTTPField.Name(TokenDoor.header), let token = request.headers[name], !token.isEmpty,
            let speaker = try await door.speaker(token)
        else {
            throw HTTPError(.unauthorized, message: "this server asks for a token that it can believe")
        }
        let intent = try Self.intent(request.method, request.uri.path)
        guard try await door.allows(token, intent) else {
            throw HTTPError(.forbidden, message: "\(speaker.name) \(intent.refusal)")
        }
        var context = context
        context.speaker = speaker
        return try await next(request, context)
    }

    /// `/v1/environments/shop/production/deploy`
    static func intent(_ method: HTTPRequest.Method, _ path: String) throws -> Intent {
        let words = path.split(separator: "/").map(String.init)
        if words == ["v1", "version"] { return .greet }
        guard words.count >= 4, words.prefix(2) == ["v1", "environments"] else {
            guard method == .get, words == ["v1", "environments"] else {
                throw HTTPError(.notFound, message: "a server in a cluster has no \(path)")
            }
            return .read(nil)
        }
        let environment = EnvironmentID(project: words[2], name: words[3])
        // Not `verify`: its gates come with the request, and a command among them would run here.
        let asks = [["plan"], ["rollback", "plan"]]
        let isRead = method == .get || asks.contains(Array(words.dropFirst(4)))
        return isRead ? .read(environment) : .change(environment)
    }
}

extension Intent {
    fileprivate var refusal: String {
        switch self {
        case .greet: "may not speak with this server"
        case .read(let environment): "may not read \(environment.map { "\($0)" } ?? "all environments")"
        case .change(let environment): "may not change \(environment)"
        }
    }
}
