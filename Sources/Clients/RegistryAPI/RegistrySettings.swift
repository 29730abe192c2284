import FoundationEssentials

/// How registries are asked from here.
package struct RegistrySettings: Sendable {
    /// The first that has something for an image counts.
    package var credentials: [CredentialFile] = []
    /// What credential helpers get.
    package var variables: [String: String] = [:]
    /// Hosts, with their ports, that are asked without TLS. Those on this machine need not be named.
    package var plainHosts: Set<String> = []
    /// Directories with one directory a host, in which `*.crt` are the authorities that vouch for it, besides those
    /// that the system trusts.
    package var authorities: [String] = []

    package init() {}

    /// As Docker and Podman ask from this machine.
    package static func ofThisMachine(
        variables: [String: String], home: String
    ) throws(RegistryTrouble) -> RegistrySettings {
        var settings = RegistrySettings()
        settings.credentials = try CredentialSearch(variables: variables, home: home).files()
        settings.variables = variables
        settings.authorities = [
            "\(home)/.config/containers/certs.d", "/etc/containers/certs.d", "\(home)/.docker/certs.d",
            "/etc/docker/certs.d",
        ]
        return settings
    }

    /// The files with authorities for a host, in the order in which they are looked for.
    func authorityFiles(for host: String) -> [String] {
        for directory in authorities {
            let place = "\(directory)/\(host)"
            // Most hosts have none.
            guard FileManager.default.fileExists(atPath: place) else { continue }
            let names: [String]
            do { names = try FileManager.default.contentsOfDirectory(atPath: place) } catch { continue }
            let files = names.filter { $0.hasSuffix(".crt") }.sorted().map { "\(place)/\($0)" }
            if !files.isEmpty { return files }
        }
        return []
    }
}

/// Times in milliseconds, and how often.
package struct RegistryLimits: Sendable {
    /// From a request to the end of its answer.
    package var answer: Int64 = 15_000
    package var connect: Int64 = 5_000
    /// A credential helper.
    package var program: Int64 = 30_000
    package var attempts = 4
    package var firstPause: Int64 = 300
    package var longestPause: Int64 = 5_000
    /// The longest pause that a registry may ask for; with more, it is told at once.
    package var patience: Int64 = 30_000
    /// Of a manifest, in bytes: what registries take themselves.
    package var manifest = 4 << 20
    /// Of an image's configuration.
    package var configuration = 8 << 20
    package var redirects = 5

    package init() {}

    /// Twice as long each time, and half of it by chance, so that many do not come back at once; nil: too long to wait.
    func pause(_ attempt: Int, _ trouble: RegistryTrouble) -> Int64? {
        let whole = min(longestPause, firstPause << Int64(min(attempt - 1, 20)))
        let chance = Int64.random(in: 0...max(1, whole / 2))
        guard case .rateLimited(let after?) = trouble.kind else { return whole / 2 + chance }
        let (wanted, isTooLong) = Int64(after).multipliedReportingOverflow(by: 1000)
        return isTooLong || wanted > patience ? nil : wanted + chance
    }
}
