import Domain
import FoundationEssentials
import KubernetesObjects
import RegistryAPI

/// What registries say of the images of some releases.
struct ImageTrial: Sendable {
    let releases: [Release]
    let settings: RegistrySettings
    /// Where pods' own credentials are; nil: in no cluster that could be asked.
    let trial: ClusterTrial?

    /// What the registries say. Asked with what pods would ask with, where we may read it, and as this machine does.
    func all() async -> [ImageLook] {
        let asked = releases.compactMap { release -> (ServiceName, ImageCheck.Question)? in
            guard let image = release.parts.spec.image else { return nil }
            return (release.service, ImageCheck.Question(image: image, platforms: Self.platforms(release.parts.spec)))
        }
        guard !asked.isEmpty else { return [] }
        var settings = settings
        settings.credentials = await pullSecrets() + settings.credentials
        var limits = RegistryLimits()
        // Somebody waits for the answer.
        limits.attempts = 2
        let registries = RegistryClient(settings, limits: limits)
        let findings = await ImageCheck(registries).look(at: asked.map(\.1))
        // Its connections are closed all the same; nobody asks any more.
        try? await registries.shutdown()
        return zip(asked, findings).flatMap { asked, found in
            found.map { finding in
                ImageLook(
                    service: asked.0, level: Self.level(finding.level),
                    trouble: ClusterView.Trouble(finding.text, hint: finding.hint))
            }
        }
    }

    private static func level(_ level: ImageFinding.Level) -> ImageLook.Level {
        switch level {
        case .fine: .fine
        case .doubtful: .doubtful
        case .wrong: .wrong
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

    /// What pods would ask registries with. Those that may not be read, or hold nothing to be read, are left out.
    private func pullSecrets() async -> [CredentialFile] {
        guard let trial else { return [] }
        var found: [CredentialFile] = []
        for name in trial.question.cluster.pullSecrets {
            guard let data = await trial.secret(name)?["data"] else { continue }
            for (key, isLegacy) in [(".dockerconfigjson", false), (".dockercfg", true)] {
                guard let text = data[key]?.text, let bytes = Data(base64Encoded: text),
                    // A kubelet leaves out what it cannot read, too.
                    let file = try? CredentialFile(
                        json: [UInt8](bytes), place: "secret/\(name)", kind: .pullSecret, isLegacy: isLegacy)
                else { continue }
                found.append(file)
            }
        }
        return found
    }
}
