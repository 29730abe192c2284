import Domain
import FoundationEssentials
import Manifests
import SecureShell
import SupervisorAPI

/// A machine that environments name by `host:`, as this user knows it.
struct RemoteHost: Codable, Hashable, Sendable {
    var name: String
    var address: RemoteAddress
    /// Absolute path of slipway over there.
    var program: String
    /// Absolute path of the state directory over there; nil: that account's usual one.
    var state: String?
    /// Of the executable that was put there last, 64 hex digits.
    var digest: String

    /// The words of a slipway command over there.
    func command(_ words: [String]) -> [String] { [program] + words + (state.map { ["--state", $0] } ?? []) }
}

/// The machines that this user has added: `$XDG_CONFIG_HOME/slipway/hosts.json`.
struct HostsFile: Codable, Hashable, Sendable {
    static let version = 1

    /// Of the format.
    var version = HostsFile.version
    /// Sorted by name.
    var hosts: [RemoteHost] = []

    /// Where it lies.
    static var path: String {
        let environment = ProcessInfo.processInfo.environment
        let base = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        return (base ?? (environment["HOME"] ?? "/tmp") + "/.config") + "/slipway/hosts.json"
    }

    /// A file that is not there has no hosts.
    static func read(_ path: String = HostsFile.path) throws -> HostsFile {
        switch ManifestFile.readText(path) {
        case .failure(let error) where error.isMissing: return HostsFile()
        case .failure(let error):
            throw SupervisorError(code: "hosts", message: "\(path) cannot be read: \(error.reason)")
        case .success(let text):
            let file: HostsFile
            do { file = try JSONDecoder().decode(HostsFile.self, from: Data(text.utf8)) } catch {
                throw SupervisorError(
                    code: "hosts", message: "\(path) makes no sense: \(error)",
                    hint: "mend it, or move it away and add the machines again: slipway host add")
            }
            guard file.version <= version else {
                throw SupervisorError(
                    code: "hosts",
                    message: "\(path) was written by a later version of slipway (format \(file.version))",
                    hint: "use that version here")
            }
            return file
        }
    }

    func write(_ path: String = HostsFile.path) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try WholeFile.write(String(decoding: try encoder.encode(self), as: UTF8.self) + "\n", to: path)
    }

    /// Adds a host, in the place of one of the same name.
    mutating func put(_ host: RemoteHost) {
        hosts.removeAll { $0.name == host.name }
        hosts.append(host)
        hosts.sort { $0.name < $1.name }
    }

    /// - Throws: a usage error for a name that is not known.
    func host(_ name: String) throws -> RemoteHost {
        if let host = hosts.first(where: { $0.name == name }) { return host }
        let names = hosts.map(\.name)
        throw usageError(
            "no machine of the name `\(name)` is known here",
            hint: (names.isEmpty ? "" : suggestion(for: name, among: names, "machines") + "; ")
                + "slipway host add user@server --name \(name)")
    }
}

/// What the manifest says of the environment; nil without a manifest that is about this project.
func manifestSettings(_ options: CommonOptions, _ environment: EnvironmentID?) throws -> EnvironmentSettings? {
    let path: String
    do { path = try findManifest(options.file) } catch let error as SupervisorError where error.code == "manifest" {
        return nil
    }
    let source: ManifestFile
    do { source = try ManifestFile.read(path) } catch {
        // Commands that name their project need no manifest; the others have failed on it before.
        if options.project != nil { return nil }
        throw error
    }
    guard let manifest = Manifest.parse(text: source.text, file: options.file).manifest else { return nil }
    if let project = options.project, project != manifest.projectName { return nil }
    let name = environment?.name ?? options.environment
    return manifest.environments.first { $0.name == name }
}
