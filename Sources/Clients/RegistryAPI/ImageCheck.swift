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

    /// Looks at some images at a time, and at each once. A registry that does not answer about one of its images is not
    /// asked about the others.
    /// - Returns: for each question, in their order.
    package func look(at questions: [Question]) async -> [[ImageFinding]] {
        var found: [Question: [ImageFinding]] = [:]
        var first: [Question] = []
        var others: [Question] = []
        for question in questions where !first.contains(question) && !others.contains(question) {
            if first.contains(where: { Self.host($0) == Self.host(question) }) {
                others.append(question)
            } else {
                first.append(question)
            }
        }
        var silent: Set<String> = []
        for (question, look) in await looks(first) {
            found[question] = look.findings
            if look.isSilent { silent.insert(Self.host(question)) }
        }
        for question in others where silent.contains(Self.host(question)) {
            found[question] = [
                ImageFinding(.doubtful, "\(question.image) was not looked at: \(Self.host(question)) does not answer")
            ]
        }
        for (question, look) in await looks(others.filter({ found[$0] == nil })) { found[question] = look.findings }
        return questions.map { found[$0] ?? [] }
    }

    private struct Look: Sendable {
        var findings: [ImageFinding]
        var isSilent = false
    }

    /// What names no image has a host of its own.
    private static func host(_ question: Question) -> String {
        do { return try ImageReference(question.image).host } catch { return question.image }
    }

    private func looks(_ questions: [Question]) async -> [(Question, Look)] {
        var found: [(Question, Look)] = []
        await withTaskGroup(of: (Question, Look).self) { group in
            var waiting = questions.makeIterator()
            for _ in 0..<Self.width {
                guard let question = waiting.next() else { break }
                group.addTask { (question, await closeLook(at: question)) }
            }
            while let pair = await group.next() {
                found.append(pair)
                guard let question = waiting.next() else { continue }
                group.addTask { (question, await closeLook(at: question)) }
            }
        }
        return found
    }

    package func look(at question: Question) async -> [ImageFinding] { await closeLook(at: question).findings }

    private func closeLook(at question: Question) async -> Look {
        do throws(RegistryTrouble) {
            let reference = try ImageReference(question.image)
            let resolved = try await client.resolve(reference, platform: question.platforms.first)
            for platform in question.platforms.dropFirst() {
                _ = try await client.resolve(resolved.pinned, platform: platform)
            }
            return Look(findings: [there(resolved, question)] + pinning(resolved))
        } catch {
            let finding = ImageFinding(Self.level(error.kind), error.text, hint: error.hint)
            return Look(findings: [finding], isSilent: error.kind == .unreachable)
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
