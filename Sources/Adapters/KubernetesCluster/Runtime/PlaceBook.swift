package import Domain
import FoundationEssentials
import Ports

/// Which cluster an environment is on, and by which name this Slipway signs there. Kept in a file, since an environment
/// where nothing is to run any more names no release that could say it.
actor PlaceBook {
    private struct Page: Codable {
        var owner: String
        /// By environment.
        var clusters: [String: ClusterSpec]
        /// By environment, when the release was made that said so, in milliseconds since 1970. Nil in an older file.
        var since: [String: Int64]?
        /// Environments in which a migration was started at some time. Nil in a file from before there were any.
        var migrating: [String]?
    }

    private let path: String?
    private var page: Page
    let inherited: [String]

    /// - Parameter path: nil: nothing is kept.
    /// - Throws: `PortError` when what is there cannot be read.
    init(path: String?) throws(PortError) {
        self.path = path
        inherited = []
        page = Page(owner: UUID().uuidString.lowercased(), clusters: [:])
        guard let path, FileManager.default.fileExists(atPath: path) else { return }
        do {
            page = try JSONDecoder().decode(Page.self, from: try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw PortError(
                .incompatible, "\(path), which says where environments run, cannot be read: \(error)",
                hint: "take it away, and deploy again")
        }
    }

    /// Kept by somebody else, who tells all of it.
    init(_ places: KnownPlaces) {
        path = nil
        inherited = places.inherited
        page = Page(owner: places.owner, clusters: [:])
        page.since = [:]
        for place in places.clusters {
            page.clusters["\(place.environment)"] = place.cluster
            page.since?["\(place.environment)"] = place.since
        }
        page.migrating = places.migrating.map { "\($0)" }.sorted()
    }

    var owner: String { page.owner }

    func cluster(of environment: EnvironmentID) -> ClusterSpec? { page.clusters["\(environment)"] }

    /// What the youngest release says holds: older ones that still stand, or that are gone back to, change nothing.
    func note(_ cluster: ClusterSpec, of environment: EnvironmentID, since: Int64) throws(PortError) {
        let name = "\(environment)"
        guard since >= page.since?[name] ?? 0 else { return }
        guard page.clusters[name] != cluster || page.since?[name] != since else { return }
        page.clusters[name] = cluster
        page.since = (page.since ?? [:]).merging([name: since]) { $1 }
        try write()
    }

    /// Whether the cluster has to be asked for migrations of an environment.
    func migrates(_ environment: EnvironmentID) -> Bool { page.migrating?.contains("\(environment)") ?? false }

    func noteMigration(in environment: EnvironmentID) throws(PortError) {
        guard !migrates(environment) else { return }
        page.migrating = ((page.migrating ?? []) + ["\(environment)"]).sorted()
        try write()
    }

    private func write() throws(PortError) {
        guard let path else { return }
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try encoder.encode(page).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw PortError(.storage, "\(path) cannot be written: \(error)")
        }
    }
}

/// Which cluster environments are on, as somebody knows who keeps it in another place than a file.
package struct KnownPlaces: Sendable {
    /// By which name this Slipway signs on clusters: the same at every start.
    package var owner: String
    /// With the time of the release that says so, in milliseconds since 1970.
    package var clusters: [(environment: EnvironmentID, cluster: ClusterSpec, since: Int64)]
    /// Environments in which a migration may have been started at some time.
    package var migrating: [EnvironmentID]
    /// Names of others, from whom environments were taken over: what they have signed may be signed anew.
    package var inherited: [String] = []

    package init(
        owner: String, clusters: [(environment: EnvironmentID, cluster: ClusterSpec, since: Int64)] = [],
        migrating: [EnvironmentID] = []
    ) {
        self.owner = owner
        self.clusters = clusters
        self.migrating = migrating
    }
}
