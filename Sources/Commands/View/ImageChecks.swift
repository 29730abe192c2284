import Domain
import FoundationEssentials
import RegistryAPI

/// What `doctor` asks registries for a project that runs on a cluster: is each service's image there, does it run on
/// the nodes that are asked for, and is it pinned by its digest?
struct ImageChecks {
    var project: ProjectSpec

    /// Asks as `docker` or `podman` would from here. A cluster has credentials of its own: what only those can see is
    /// a warning.
    func all() async throws -> [DoctorCheck] {
        let questions = project.services.compactMap { planned -> (name: String, question: ImageCheck.Question)? in
            guard let image = planned.spec.image else { return nil }
            return (
                planned.spec.service.text, ImageCheck.Question(image: image, platforms: Self.platforms(planned.spec))
            )
        }
        guard !questions.isEmpty else { return [] }
        let variables = ProcessInfo.processInfo.environment
        let settings: RegistrySettings
        do throws(RegistryTrouble) {
            settings = try RegistrySettings.ofThisMachine(variables: variables, home: variables["HOME"] ?? "/")
        } catch {
            return [DoctorCheck("registries", .fail, error.text, hint: error.hint)]
        }
        var limits = RegistryLimits()
        // Somebody waits for the answer.
        limits.attempts = 2
        let client = RegistryClient(settings, limits: limits)
        let findings = await ImageCheck(client).look(at: questions.map(\.question))
        try await client.shutdown()
        return zip(questions, findings).flatMap { asked, found in
            found.map { DoctorCheck(asked.name, Self.level($0.level), harmless($0.text), hint: harmless($0.hint)) }
        }
    }

    private static func level(_ level: ImageFinding.Level) -> DoctorCheck.Level {
        switch level {
        case .fine: .ok
        case .doubtful: .warn
        case .wrong: .fail
        }
    }

    /// The nodes that a service is kept to; none where it may run on any.
    private static func platforms(_ spec: ServiceSpec) -> [ImagePlatform] {
        func label(_ name: String) -> String? {
            spec.kubernetes?.placement.nodes.first { $0.name == "kubernetes.io/\(name)" }?.value
        }
        guard let architecture = label("arch") else { return [] }
        return [ImagePlatform(system: label("os") ?? "linux", architecture: architecture)]
    }
}
