import Domain

/// One thing that was found out about an image.
package struct ImageFinding: Hashable, Sendable {
    package enum Level: Hashable, Sendable {
        case fine
        /// It can be deployed, and somebody should know.
        case doubtful
        /// It cannot be deployed.
        case wrong
    }

    package var level: Level
    package var text: String
    package var hint: String

    package init(_ level: Level, _ text: String, hint: String = "") {
        self.level = level
        self.text = text
        self.hint = hint
    }
}

/// What can be known of an image before a cluster pulls it: whether it is there, whether it runs on the cluster's
/// nodes, and whether tomorrow it is still the same.
package struct ImageCheck: Sendable {
    private let client: RegistryClient
    /// How many images are asked for at a time.
    private static let width = 6

    package init(_ client: RegistryClient) { self.client = client }

    /// An image, and what it has to run on.
    package struct Question: Hashable, Sendable {
        package var image: String
        /// Empty: something with Linux.
        package var platforms: [ImagePlatform]

        package init(image: String, platforms: [ImagePlatform] = []) {
            self.image = image
            self.platforms = platforms
        }
    }

    /// Looks at some images at a time, and at each once.
    /// - Returns: for each question, in their order.
    package func look(at questions: [Question]) async -> [[ImageFinding]] {
        var found: [Question: [ImageFinding]] = [:]
        var waiting: [Question] = []
        for question in questions where !waiting.contains(question) { waiting.append(question) }
        await withTaskGroup(of: (Question, [ImageFinding]).self) { group in
            var next = waiting.makeIterator()
            for _ in 0..<Self.width {
                guard let question = next.next() else { break }
                group.addTask { (question, await look(at: question)) }
            }
            while let (question, findings) = await group.next() {
                found[question] = findings
                guard let question = next.next() else { continue }
                group.addTask { (question, await look(at: question)) }
            }
        }
        return questions.map { found[$0] ?? [] }
    }

    package func look(at question: Question) async -> [ImageFinding] {
        do throws(RegistryTrouble) {
            let reference = try ImageReference(question.image)
            let resolved = try await client.resolve(reference, platform: question.platforms.first)
            for platform in question.platforms.dropFirst() {
                _ = try await client.resolve(resolved.pinned, platform: platform)
            }
            return [there(resolved, question)] + pinning(resolved)
        } catch {
            return [ImageFinding(Self.level(error.kind), error.text, hint: error.hint)]
        }
    }

    /// What this machine cannot find out, a cluster may know better.
    private static func level(_ kind: RegistryTrouble.Kind) -> ImageFinding.Level {
        switch kind {
        case .unreachable, .rateLimited, .server, .unauthorized, .denied, .configuration: .doubtful
        case .reference, .noSuchImage, .noSuchRepository, .wrongPlatform, .mismatch, .garbled: .wrong
        }
    }

    private func there(_ image: ResolvedImage, _ question: Question) -> ImageFinding {
        let list = image.platforms.map(\.description).joined(separator: ", ")
        guard image.platforms.contains(where: { $0.system == "linux" }) || !question.platforms.isEmpty else {
            return ImageFinding(
                .wrong, "\(image.reference) is not made for Linux: it has \(list.isEmpty ? "nothing that runs" : list)",
                hint: "a cluster's nodes run Linux, unless `placement` names others")
        }
        return ImageFinding(.fine, "\(image.reference) is there, for \(list)")
    }

    private func pinning(_ image: ResolvedImage) -> [ImageFinding] {
        guard image.reference.digest == nil else { return [] }
        let tag = image.reference.tag
        let what =
            tag.map { "the tag `\($0)` may lead elsewhere tomorrow" } ?? "without a tag it is whatever is `latest`"
        return [
            ImageFinding(
                .doubtful, "\(image.reference) is not pinned by a digest: \(what)", hint: "today it is \(image.pinned)")
        ]
    }
}
