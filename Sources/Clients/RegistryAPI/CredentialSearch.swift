import Domain
import FoundationEssentials

/// Where credentials are looked for on this machine: where `docker login` and `podman login` put them.
package struct CredentialSearch: Sendable {
    private let variables: [String: String]
    private let home: String

    /// - Parameters:
    ///   - variables: `DOCKER_CONFIG`, `REGISTRY_AUTH_FILE`, `XDG_RUNTIME_DIR` and `XDG_CONFIG_HOME` are heeded.
    ///   - home: the user's.
    package init(variables: [String: String], home: String) {
        self.variables = variables
        self.home = home
    }

    private struct Place {
        var path: String
        /// Somebody says that it is there.
        var isNamed = false
    }

    /// Those that are there; the first that has something for an image is the one that counts.
    package func files() throws(RegistryTrouble) -> [CredentialFile] {
        var files: [CredentialFile] = []
        for place in places where !files.contains(where: { $0.place == place.path }) {
            guard FileManager.default.fileExists(atPath: place.path) else {
                guard place.isNamed else { continue }
                throw RegistryTrouble(
                    .configuration, "\(place.path), which REGISTRY_AUTH_FILE names, is not there",
                    hint: "`podman login` writes it; without REGISTRY_AUTH_FILE the usual places are looked at")
            }
            let bytes: [UInt8]
            do { bytes = [UInt8](try Data(contentsOf: URL(filePath: place.path))) } catch {
                throw RegistryTrouble(
                    .configuration, "\(place.path) cannot be read: \(error)",
                    hint: "registries' credentials are looked for in it")
            }
            // Podman leaves an empty file behind.
            if bytes.allSatisfy({ $0 <= 0x20 }) { continue }
            files.append(try CredentialFile(json: bytes, place: place.path))
        }
        return files
    }

    /// Whoever names a file wants no other.
    private var places: [Place] {
        if let named = variable("REGISTRY_AUTH_FILE") { return [Place(path: named, isNamed: true)] }
        let docker = variable("DOCKER_CONFIG") ?? "\(home)/.docker"
        var places = [Place(path: "\(docker)/config.json")]
        if let runtime = variable("XDG_RUNTIME_DIR") { places.append(Place(path: "\(runtime)/containers/auth.json")) }
        let settings = variable("XDG_CONFIG_HOME") ?? "\(home)/.config"
        places.append(Place(path: "\(settings)/containers/auth.json"))
        return places
    }

    private func variable(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
}
