import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// What `doctor` looks at where Slipway runs: its three roles and their memory.
struct RunningChecks {
    /// Of the supervisor that answers.
    var version: VersionReport

    func all() -> [DoctorCheck] {
        let keeper = keeper
        let proxy = keeper.flatMap { keeper in
            children(of: keeper).first { arguments(of: $0).dropFirst().first == "proxy" }
        }
        return [supervisor(), role("keeper", keeper), role("proxy", proxy)]
    }

    /// The process that holds sockets and instances.
    var keeper: Int? { parent(of: version.pid) }

    private func supervisor() -> DoctorCheck {
        let text = "version \(version.version), pid \(version.pid)\(memory(of: version.pid))"
        let gap = VersionGap(version)
        return gap.text.map { DoctorCheck("supervisor", .warn, "\(text): \($0)", hint: gap.hint) }
            ?? DoctorCheck("supervisor", .ok, text)
    }

    private func role(_ name: String, _ pid: Int?) -> DoctorCheck {
        guard let pid, pid > 1 else {
            return DoctorCheck(
                name, .fail, "does not run", hint: "slipway shutdown and slipway up start everything anew")
        }
        return DoctorCheck(name, .ok, "pid \(pid)\(memory(of: pid))")
    }

    private func parent(of pid: Int) -> Int? { field("PPid:", of: pid) }

    private func memory(of pid: Int) -> String {
        field("VmRSS:", of: pid).map { ", \($0 / 1024) MiB of memory" } ?? ""
    }

    /// A number of `/proc/<pid>/status`.
    private func field(_ name: String, of pid: Int) -> Int? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/status") else { return nil }
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.hasPrefix(name) {
            return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        }
        return nil
    }

    private func children(of pid: Int) -> [Int] {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/task/\(pid)/children") else { return [] }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    }

    private func arguments(of pid: Int) -> [String] {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return [] }
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
