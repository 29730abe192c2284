import AsyncHTTPClient
import Domain
import NIOHTTP1
import Synchronization

/// Asks registries for images, by the OCI distribution protocol. Nothing is pulled, nothing is pushed.
///
/// Requests that may be answered differently in a moment are asked again, with growing pauses.
package final class RegistryClient: Sendable {
    let limits: RegistryLimits
    let transport: RegistryTransport
    let desk: TokenDesk
    private let schemes = Mutex<[String: String]>([:])

    package init(_ settings: RegistrySettings, limits: RegistryLimits = RegistryLimits()) {
        self.limits = limits
        transport = RegistryTransport(settings, limits)
        desk = TokenDesk(transport)
    }

    /// Closes its connections. Nothing may be asked afterwards.
    package func shutdown() async throws { try await transport.client.shutdown() }

    /// How a registry answers to somebody who only knocks.
    package enum Greeting: Hashable, Sendable {
        /// Anybody may ask.
        case open
        /// It wants a user and a password.
        case basic
        /// It wants a token of this server.
        case token(realm: String)
    }

    // MARK: - Asking

    /// Whether there is a registry.
    /// - Parameter host: as images name it: `images.example`, `localhost:5000`.
    package func ping(_ host: String) async throws(RegistryTrouble) -> Greeting {
        let reference = ImageReference(host: host, repository: "")
        let answer = try await repeated { () async throws(RegistryTrouble) in
            let answer = try await self.transport.send(
                RegistryTransport.Request(url: "\(try await self.base(of: reference))/v2/"))
            if answer.status == 429 || answer.status >= 500 { throw answer.trouble(reference, origin: "") }
            return answer
        }
        switch answer.status {
        case 200: return .open
        case 401:
            if let realm = answer.challenges.first(where: { $0.scheme == "bearer" })?.parameters["realm"] {
                return .token(realm: realm)
            }
            if answer.challenges.contains(where: { $0.scheme == "basic" }) { return .basic }
            throw RegistryTrouble(
                .garbled, "\(host) wants credentials, and says neither `Basic` nor `Bearer`", hint: "is it a registry?")
        case _:
            throw RegistryTrouble(
                .garbled, "\(host) is no registry: it answered /v2/ with \(answer.status)",
                hint: "is the name right, and the port?")
        }
    }

    /// The digest that a reference leads to, without reading the manifest: Docker Hub counts no pull.
    package func digest(of reference: ImageReference) async throws(RegistryTrouble) -> ImageDigest {
        let answer = try await ask(reference, .HEAD, "manifests/\(reference.target)", accept: Self.manifestTypes)
        guard let digest = answer.digest.flatMap({ ImageDigest($0) }) else {
            // It need not say so: the bytes do.
            return try await manifest(reference).digest
        }
        if let wanted = reference.digest, wanted.algorithm == digest.algorithm, wanted != digest {
            throw Self.mismatch(reference, "it says that it has \(digest.short)")
        }
        return reference.digest ?? digest
    }

    /// A manifest, of whose bytes the digest was computed here.
    package func manifest(_ reference: ImageReference) async throws(RegistryTrouble) -> ImageManifest {
        let answer = try await ask(
            reference, .GET, "manifests/\(reference.target)", accept: Self.manifestTypes, limit: limits.manifest)
        if let wanted = reference.digest {
            guard wanted.matches(answer.body) else {
                throw Self.mismatch(reference, "what came is \(ImageDigest(of: answer.body, wanted.algorithm).short)")
            }
            return try ImageManifest(answer.body, digest: wanted, name: "\(reference)")
        }
        if let said = answer.digest {
            guard let digest = ImageDigest(said), digest.matches(answer.body) else {
                throw Self.mismatch(reference, "it says \(said.printable.bounded(to: 90)), and sent something else")
            }
            return try ImageManifest(answer.body, digest: digest, name: "\(reference)")
        }
        return try ImageManifest(answer.body, digest: ImageDigest(of: answer.body), name: "\(reference)")
    }

    /// What a reference leads to, and that the image for a platform is there.
    /// - Parameter platform: nil: whatever there is.
    package func resolve(
        _ reference: ImageReference, platform: ImagePlatform? = nil
    ) async throws(RegistryTrouble) -> ResolvedImage {
        let top = try await manifest(reference)
        switch top.content {
        case .image(let configuration):
            let own = try await self.platform(of: reference, configuration)
            if let platform, !platform.runs(own) { throw Self.wrong(reference, platform, [own]) }
            return ResolvedImage(reference: reference, digest: top.digest, manifest: top.digest, platforms: [own])
        case .index(let entries):
            var platforms: [ImagePlatform] = []
            for entry in entries where !platforms.contains(entry.platform) { platforms.append(entry.platform) }
            var chosen = entries.count == 1 ? entries.first : nil
            if let platform {
                chosen = ImageManifest.choose(entries, for: platform)
                guard chosen != nil else { throw Self.wrong(reference, platform, platforms) }
            }
            if let chosen {
                // An index may outlive its images.
                do throws(RegistryTrouble) {
                    _ = try await digest(of: reference.pinned(to: chosen.digest))
                } catch {
                    guard error.kind == .noSuchImage else { throw error }
                    throw RegistryTrouble(
                        .noSuchImage, "\(reference) names an image for \(chosen.platform) that the registry has not",
                        hint: "it was deleted, or its push broke off: push it anew")
                }
            }
            return ResolvedImage(
                reference: reference, digest: top.digest, manifest: chosen?.digest, platforms: platforms)
        }
    }

    /// An image alone does not say what it runs on; its configuration does.
    private func platform(
        of reference: ImageReference, _ configuration: ImageDigest
    ) async throws(RegistryTrouble) -> ImagePlatform {
        let answer = try await ask(
            reference, .GET, "blobs/\(configuration)", accept: ["*/*"], limit: limits.configuration)
        guard configuration.matches(answer.body) else {
            throw Self.mismatch(reference.pinned(to: configuration), "what came is something else")
        }
        guard let platform = ImageManifest.platform(JSONValue(parsing: answer.body)) else {
            throw RegistryTrouble(
                .garbled, "\(reference): its configuration does not say what it runs on",
                hint: "an image has `os` and `architecture` there: build it with a tool that writes them")
        }
        return platform
    }

    private static let manifestTypes = ImageManifest.indexTypes + ImageManifest.imageTypes

    private static func mismatch(_ reference: ImageReference, _ why: String) -> RegistryTrouble {
        RegistryTrouble(
            .mismatch, "\(reference): the registry does not hold to its digest: \(why)",
            hint: "a proxy between it and here may change answers; do not run what came")
    }

    private static func wrong(
        _ reference: ImageReference, _ platform: ImagePlatform, _ there: [ImagePlatform]
    ) -> RegistryTrouble {
        let list = there.isEmpty ? "nothing that runs" : there.map(\.description).joined(separator: ", ")
        return RegistryTrouble(
            .wrongPlatform, "\(reference) is not made for \(platform): it has \(list)",
            hint: "build it for \(platform) too: docker buildx build --platform \(platform),…")
    }

    // MARK: - Requests

    /// Asks for a part of a repository, and again where that may help.
    func ask(
        _ reference: ImageReference, _ method: RegistryTransport.Method, _ path: String, accept: [String],
        limit: Int = 1 << 20
    ) async throws(RegistryTrouble) -> RegistryAnswer {
        do throws(RegistryTrouble) {
            return try await repeated { () async throws(RegistryTrouble) in
                let request = RegistryTransport.Request(
                    method: method, url: "\(try await self.base(of: reference))/v2/\(reference.repository)/\(path)",
                    accept: accept, limit: limit)
                let (answer, origin) = try await self.desk.send(request, reference)
                guard answer.status == 200 else { throw answer.trouble(reference, origin: origin) }
                return answer
            }
        } catch {
            guard error.kind == .noSuchImage, path.hasPrefix("manifests/") else { throw error }
            throw await explained(error, reference)
        }
    }

    private func repeated<Answer: Sendable>(
        _ body: () async throws(RegistryTrouble) -> Answer
    ) async throws(RegistryTrouble) -> Answer {
        var attempt = 0
        while true {
            do throws(RegistryTrouble) { return try await body() } catch {
                attempt += 1
                guard error.isPassing, attempt < limits.attempts, let pause = limits.pause(attempt, error) else {
                    throw error
                }
                // Whoever is cancelled meanwhile is told what was wrong.
                do { try await Task.sleep(for: .milliseconds(pause)) } catch _ { throw error }
            }
        }
    }

    /// Most registries say the same of a repository that is not there and of a tag: the list of tags tells.
    private func explained(_ trouble: RegistryTrouble, _ reference: ImageReference) async -> RegistryTrouble {
        var trouble = trouble
        do throws(RegistryTrouble) {
            let url = "\(try await base(of: reference))/v2/\(reference.repository)/tags/list?n=100"
            let (answer, _) = try await desk.send(RegistryTransport.Request(url: url), reference)
            if answer.status == 404 {
                return RegistryTrouble(
                    .noSuchRepository, "\(reference.host) has no repository \(reference.repository)",
                    hint: "is the name right? was anything pushed there yet?")
            }
            let tags = (JSONValue(parsing: answer.body)?["tags"]?.items ?? []).compactMap(\.text)
            if tags.isEmpty {
                trouble.hint = "it has no tags at all"
            } else if reference.digest == nil {
                let some = tags.sorted().suffix(8).map { $0.printable.bounded(to: 40) }
                trouble.hint = "it has \(some.joined(separator: ", "))\(tags.count > some.count ? ", …" : "")"
            }
        } catch {
            // The first trouble is the one that was asked about.
            return trouble
        }
        return trouble
    }

    // MARK: - Where

    /// `https://registry.example.com`. A registry on this machine may speak without TLS: it is asked.
    private func base(of reference: ImageReference) async throws(RegistryTrouble) -> String {
        let address = reference.address
        if transport.settings.plainHosts.contains(reference.host) { return "http://\(address)" }
        guard ImageReference.isLoopback(address) else { return "https://\(address)" }
        if let known = schemes.withLock({ $0[address] }) { return "\(known)://\(address)" }
        let scheme = try await schemeOnThisMachine(address)
        schemes.withLock { $0[address] = scheme }
        return "\(scheme)://\(address)"
    }

    private func schemeOnThisMachine(_ address: String) async throws(RegistryTrouble) -> String {
        do throws(RegistryTrouble) {
            // Nothing is said in it that anybody else must not hear.
            let plain = try await transport.send(RegistryTransport.Request(url: "http://\(address)/v2/"))
            // A server with TLS says so to whoever speaks without.
            if plain.status != 400 { return "http" }
        } catch {
            guard error.kind == .unreachable else { throw error }
        }
        _ = try await transport.send(RegistryTransport.Request(url: "https://\(address)/v2/"))
        return "https"
    }
}
