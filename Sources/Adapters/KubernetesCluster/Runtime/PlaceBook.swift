import Domain
import FoundationEssentials
import Ports

/// Which cluster an environment is on, and by which name this Slipway signs there. Kept in a file, since an environment
/// where nothing is to run any more names no release that could say it.
actor PlaceBook {
    private struct Page: Codable {
        var owner: String
        /// By environment.
        var clusters: [String: ClusterSpec]
    }

    private let path: String?
    private var page: Page

    /// - Parameter path: nil: nothing is kept.
    /// - Throws: `PortError` when what is there cannot be read.
    init(path: String?) throws(PortError) {
        self.path = path
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

    var owner: String { page.owner }

    func cluster(of environment: EnvironmentID) -> ClusterSpec? { page.clusters["\(environment)"] }

    func note(_ cluster: ClusterSpec, of environment: EnvironmentID) throws(PortError) {
        guard page.clusters["\(environment)"] != cluster else { return }
        page.clusters["\(environment)"] = cluster
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
