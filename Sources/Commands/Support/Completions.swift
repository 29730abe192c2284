import ArgumentParser
import Domain
import Manifests

/// What a shell offers for words that only the project knows. Completion never complains: without a manifest it offers
/// nothing.
enum Completions {
    /// Commands whose words may be services too.
    private static let takesServices = ["logs", "promote", "pause", "resume", "scale", "migrate", "approve", "reject"]

    static var environments: CompletionKind { .custom { words, _, _ in environmentsOrServices(words) } }
    static var services: CompletionKind { .custom { words, _, _ in serviceNames(words) } }
    static var machines: CompletionKind {
        // A list of machines that cannot be read has nothing to offer; every other command says why.
        .custom { _, _, _ in (try? HostsFile.read())?.hosts.map(\.name) ?? [] }
    }
    static var manifests: CompletionKind { .file(extensions: ["yaml", "yml"]) }

    private static func environmentsOrServices(_ words: [String]) -> [String] {
        let asksForServices = words.dropFirst().first.map { takesServices.contains($0) } == true
        return environmentNames(words) + (asksForServices ? serviceNames(words) : [])
    }

    static func environmentNames(_ words: [String]) -> [String] { manifest(words)?.environments.map(\.name) ?? [] }

    static func serviceNames(_ words: [String]) -> [String] {
        guard let manifest = manifest(words), let source = source(words), let first = manifest.environments.first else {
            return []
        }
        let project = manifest.project(environment: first.name) { source.template($0) }.project
        return project?.services.map(\.spec.service.text) ?? []
    }

    private static func manifest(_ words: [String]) -> Manifest? {
        source(words).flatMap { Manifest.parse(text: $0.text, file: $0.path).manifest }
    }

    /// The manifest that the words so far name, else the one that is found upwards from here.
    private static func source(_ words: [String]) -> ManifestFile? {
        var file = CommonOptions.defaultManifest
        for (index, word) in words.enumerated() {
            if word == "--file", index + 1 < words.count { file = words[index + 1] }
            if word.hasPrefix("--file=") { file = String(word.dropFirst(7)) }
        }
        // Nobody asked for it yet: the command itself says what is wrong with it.
        return try? ManifestFile.read(try findManifest(file))
    }
}
