/// The floors of the house, told by the folder under `Sources`.
enum Floor: Hashable, Sendable {
    /// Rooms of Core by rank: a room knows those of lower rank only.
    case core(Int)
    case ports, shim, clients, engine, adapters, keeper, proxy, agent, load, server, commands, entry

    init?(folder: String) {
        switch folder {
        case "Core/Domain": self = .core(0)
        case "Core/Manifests", "Core/KubernetesObjects", "Core/Judging", "Core/Scaling": self = .core(1)
        case "Core/Rollouts": self = .core(2)
        case "Core/Deployments": self = .core(3)
        case "Core/Planning": self = .core(4)
        case "Ports": self = .ports
        case "CLinux": self = .shim
        case "Engine": self = .engine
        case "Keeper": self = .keeper
        case "Proxy": self = .proxy
        case "ProxyAgent": self = .agent
        case "Load": self = .load
        case "Server": self = .server
        case "Commands": self = .commands
        case "slipway": self = .entry
        case _ where folder.hasPrefix("Clients/"): self = .clients
        case _ where folder.hasPrefix("Adapters/"): self = .adapters
        case _: return nil
        }
    }

    /// Whether a module of this floor may know that one.
    func mayImport(_ module: String, of floor: Floor) -> Bool {
        switch (self, floor) {
        case (.core(let own), .core(let other)): other < own
        case (.ports, .core(0)), (.clients, .core(0)), (.clients, .shim), (.load, .core(0)): true
        case (.engine, .core), (.engine, .ports): !["Planning", "Manifests", "KubernetesObjects"].contains(module)
        case (.adapters, .core(0)), (.adapters, .ports), (.adapters, .clients), (.adapters, .shim): true
        case (.adapters, .load): module == "LoadGenerator"
        // What a cluster answers is an object.
        case (.clients, .core): module == "KubernetesObjects"
        case (.clients, .clients): module == "Asking" || module == "ProxyControl"
        // Counts are what the engine asks routers for.
        case (.clients, .ports): true
        case (.agent, .clients): ["KeeperControl", "KubernetesAPI", "ProxyControl"].contains(module)
        case (.agent, .core): module == "KubernetesObjects"
        // What an analysis measured is judged where the counts are; a cluster's runtime writes objects.
        case (.adapters, .core): module == "Judging" || module == "KubernetesObjects"
        case (.keeper, .shim): true
        case (.keeper, .clients): module == "KeeperControl"
        case (.proxy, .clients): module == "ProxyControl"
        case (.server, .core), (.server, .ports), (.server, .engine): module != "Manifests"
        case (.server, .clients): module == "SupervisorAPI"
        case (.commands, .entry), (.commands, .commands): false
        case (.commands, _): true
        case (.entry, .commands): true
        case _: false
        }
    }

    /// Modules of others that it may stand on; nil: whatever `Package.swift` gives it.
    func outsiders(_ module: String, path: String) -> [String]? {
        switch self {
        case .core(0): ["FoundationEssentials", "Crypto"]
        case .core: Self.roomOutsiders(module, path: path)
        case .ports: []
        case .engine: path.contains("/Shell/") ? ["FoundationEssentials", "Logging", "Synchronization"] : []
        case .keeper: ["Glibc"]
        case .proxy: ["NIOCore", "NIOPosix", "Glibc", "Dispatch", "Synchronization", "FoundationEssentials"]
        case .entry: ["ArgumentParser", "Dispatch"]
        case .shim, .clients, .adapters, .agent, .load, .server, .commands: nil
        }
    }

    private static func roomOutsiders(_ module: String, path: String) -> [String] {
        if module == "Manifests" { return ["FoundationEssentials", "Yams"] }
        if module == "KubernetesObjects" { return ["Yams"] }
        // Logarithms and their like are pure, and the standard library has none; one file lets nothing else through.
        return path == "Sources/Core/Judging/Numerics/RealFunctions.swift" ? ["Glibc"] : []
    }
}

/// A target of ours.
struct Module: Hashable, Sendable {
    var name: String
    /// Under `Sources`.
    var folder: String
    var dependencies: [String] = []
    var line: Int

    /// Where `Load` holds the module `LoadGenerator`.
    static let renamed = ["LoadGenerator": "Load"]

    /// The module that a file belongs to, told by its path; nil: it is not under `Sources`.
    static func folder(of path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count > 2, parts[0] == "Sources" else { return nil }
        let isNested = ["Core", "Clients", "Adapters"].contains(parts[1]) && parts.count > 3
        return isNested ? "\(parts[1])/\(parts[2])" : parts[1]
    }

    static func name(ofFolder folder: String) -> String {
        let last = folder.split(separator: "/").last.map(String.init) ?? folder
        return renamed.first { $0.value == last }?.key ?? last
    }

    /// Targets as `Package.swift` declares them: `floor("Name", "Path", […])`, `.target(name: …, path: …)`.
    static func declared(in manifest: SwiftSource) -> [Module] {
        var found: [Module] = []
        let tokens = manifest.tokens
        for index in tokens.indices.dropLast(2)
        where ["floor", "target", "executableTarget"].contains(tokens[index].text) && tokens[index + 1].isSign("(") {
            var depth = 0
            var literals: [String] = []
            for token in tokens[(index + 1)...] {
                if token.isSign("(") { depth += 1 }
                if token.isSign(")") { depth -= 1 }
                if depth == 0 { break }
                if token.kind == .literal { literals.append(token.text) }
            }
            // The path is the second argument of `floor` and carries `Sources/` in `.target`.
            let isFloor = tokens[index].isWord("floor")
            guard let name = literals.first, literals.count > 1,
                let path = isFloor ? "Sources/" + literals[1] : literals.first(where: { $0.hasPrefix("Sources/") })
            else { continue }
            let folder = String(path.dropFirst("Sources/".count))
            let dependencies = literals.dropFirst(isFloor ? 2 : 1).filter { !$0.hasPrefix("Sources/") }
            found.append(
                Module(name: name, folder: folder, dependencies: Array(dependencies), line: tokens[index].line))
        }
        return found
    }
}

extension Rule {
    /// Names of our modules with their floors.
    private static let rooms: [String: Floor] = {
        guard case .success(let tree) = Tree.shared else { return [:] }
        var rooms: [String: Floor] = [:]
        for path in tree.swift.map(\.path) {
            guard let folder = Module.folder(of: path), let floor = Floor(folder: folder) else { continue }
            rooms[Module.name(ofFolder: folder)] = floor
        }
        rooms["CLinux"] = .shim
        return rooms
    }()

    func floors(_ source: SwiftSource) -> [Finding] {
        guard let folder = Module.folder(of: source.path) else { return [] }
        guard let floor = Floor(folder: folder) else {
            return [finding(source.path, 1, "\(folder) is on no floor: give it one in Tests/Tidy/Rules/Floors.swift")]
        }
        return source.imports.compactMap { module, line in
            guard let other = Self.rooms[module], !floor.mayImport(module, of: other) else { return nil }
            return finding(source.path, line, "\(folder) may not know \(module)")
        }
    }

    /// What a target declares is held to the same order as what its files import.
    func declaredFloors(_ tree: Tree) -> [Finding] {
        guard let manifest = tree.swift.first(where: { $0.path == "Package.swift" }) else { return [] }
        var found: [Finding] = []
        for module in Module.declared(in: manifest) {
            guard let floor = Floor(folder: module.folder) else {
                found.append(finding(manifest.path, module.line, "\(module.name) is on no floor"))
                continue
            }
            for other in module.dependencies {
                guard let below = Self.rooms[other], !floor.mayImport(other, of: below) else { continue }
                found.append(finding(manifest.path, module.line, "\(module.name) may not depend on \(other)"))
            }
        }
        return found
    }

    func outsiders(_ source: SwiftSource) -> [Finding] {
        guard let folder = Module.folder(of: source.path), let floor = Floor(folder: folder),
            let allowed = floor.outsiders(Module.name(ofFolder: folder), path: source.path)
        else { return [] }
        return source.imports.compactMap { module, line in
            if Self.rooms[module] != nil || allowed.contains(module) { return nil }
            return finding(source.path, line, "\(folder) may not stand on \(module)")
        }
    }

    func unicodeTables(_ source: SwiftSource) -> [Finding] {
        let heavy = ["Foundation", "FoundationNetworking", "FoundationInternationalization", "NIOFoundationCompat"]
        return source.imports.compactMap { module, line in
            heavy.contains(module) ? finding(source.path, line, "imports \(module)") : nil
        }
    }
}
