import FoundationEssentials
import Glibc
import Ports
import ProxyControl

/// The table that the proxy keeps on disk: what it has in force, or is about to have, also while it is down.
struct TableSeed: Sendable {
    let path: String

    /// Nil when the proxy was never told anything.
    /// - Throws: `PortError`: `storage` when it cannot be read, `incompatible` when it is no table.
    func load() throws(PortError) -> RouteTable? {
        guard let bytes = SmallFile.read(path) else {
            if errno == ENOENT { return nil }
            throw SmallFile.trouble("read", path)
        }
        let table: RouteTable
        do {
            table = try JSONDecoder().decode(RouteTable.self, from: Data(bytes))
        } catch {
            throw damaged("it is no route table (\(error))")
        }
        if let fault = table.fault() { throw damaged(fault.message) }
        return table
    }

    private func damaged(_ cause: String) -> PortError {
        PortError(
            .incompatible, "the proxy's route table \(path) is damaged: \(cause)",
            hint: "bring it back from a backup, or move it away: the routes of all services are then sent anew")
    }
}
