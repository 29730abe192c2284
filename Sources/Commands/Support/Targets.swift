import Domain
import Manifests
import SupervisorAPI

/// An environment, and perhaps one service of it.
struct Target {
    var environment: EnvironmentID
    var service: ServiceName?
}

/// What the words after a command mean: `logs`, `logs api`, `logs production`, `logs production api`. A single word
/// that is no environment of the manifest is a service of the default one.
/// - Parameters:
///   - second: the word after the environment.
///   - service: from `--service`.
func resolveTarget(_ options: CommonOptions, second: String?, service: String?) throws -> Target {
    if let second, let service, second != service {
        throw usageError("\(second) and --service \(service) name two services", hint: "give one of them")
    }
    var options = options
    var named = second ?? service
    if options.project == nil, named == nil || second != nil {
        let environments = try projectNames(options).environments
        if !environments.contains(options.environment) {
            if let word = named, environments.contains(word) {
                named = options.environment
                options.environment = word
            } else if named == nil {
                named = options.environment
                options.environment = CommonOptions.defaultEnvironment
            }
        }
    }
    return Target(environment: try resolveEnvironment(options), service: named.map { ServiceName($0) })
}

/// Refuses a service that the environment does not have, with a suggestion.
func confirm(_ service: ServiceName?, in environment: EnvironmentID, _ session: Session) async throws {
    guard let service else { return }
    let known = try await session.client.status(environment).services.map(\.name)
    try confirm([service], among: known, of: "\(environment)")
}

/// The services that options name, `--service api,web` or `--service api --service web`.
/// - Throws: a usage error for one that the project does not have.
func chosenServices(_ words: [String], _ loaded: LoadedProject) throws -> [ServiceName] {
    let chosen = words.flatMap { $0.split(separator: ",") }.map { ServiceName(String($0)) }
    try confirm(chosen, among: loaded.project.services.map(\.spec.service), of: loaded.project.environment.project)
    return chosen
}

private func confirm(_ services: [ServiceName], among known: [ServiceName], of owner: String) throws {
    for service in services where !known.contains(service) {
        throw usageError(
            "\(owner) has no service `\(service)`",
            hint: known.isEmpty
                ? "nothing was deployed there yet: slipway deploy"
                : suggestion(for: service.text, among: known.map(\.text), "services"))
    }
}

/// `did you mean api? the services are api, web`
func suggestion(for word: String, among known: [String], _ what: String) -> String {
    let near = Suggestion.nearest(to: word, in: known).map { "did you mean `\($0)`? " } ?? ""
    return near + "the \(what) are \(known.joined(separator: ", "))"
}
