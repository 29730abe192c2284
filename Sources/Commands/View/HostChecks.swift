import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// What `doctor` looks at on the machine itself.
struct HostChecks {
    var state: StateDirectory

    func all() -> [DoctorCheck] { [directory(), disk(), descriptors(), clock(), ports(), cgroups()] }

    private func directory() -> DoctorCheck {
        do {
            try state.prepare()
            return DoctorCheck("state", .ok, "\(state.path) is writable and private")
        } catch let error as SupervisorError {
            return DoctorCheck("state", .fail, error.message, hint: error.hint)
        } catch {
            return DoctorCheck("state", .fail, "\(error)")
        }
    }

    private func disk() -> DoctorCheck {
        var status = statvfs()
        guard statvfs(state.path, &status) == 0 else {
            return DoctorCheck("disk", .warn, "cannot see how much space \(state.path) has")
        }
        let free = Int64(status.f_bavail) * Int64(status.f_frsize)
        let text = "\(free / 1_048_576) MiB free at \(state.path)"
        if free < 100 << 20 { return DoctorCheck("disk", .fail, text, hint: "a deploy needs room for its artifacts") }
        return DoctorCheck("disk", free < 1 << 30 ? .warn : .ok, text)
    }

    private func descriptors() -> DoctorCheck {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        let text = "at most \(limit.rlim_cur) open files (hard limit \(limit.rlim_max))"
        if limit.rlim_max < 4096 {
            return DoctorCheck(
                "files", .warn, text, hint: "the proxy needs two per request under way: raise `ulimit -Hn`")
        }
        return DoctorCheck("files", .ok, text)
    }

    private func clock() -> DoctorCheck {
        let now = SystemMoment.now()
        // Nothing of Slipway was built before 2026.
        if now.wall < 1_767_225_600_000 {
            return DoctorCheck("clock", .fail, "the clock says \(calendarTime(now.wall))", hint: "set the time")
        }
        return DoctorCheck("clock", .ok, "\(calendarTime(now.wall))")
    }

    private func ports() -> DoctorCheck {
        guard let text = FileManager.default.contents(atPath: "/proc/sys/net/ipv4/ip_local_port_range") else {
            return DoctorCheck("ports", .warn, "cannot see the kernel's ephemeral port range")
        }
        let range = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard range.count == 2 else { return DoctorCheck("ports", .warn, "cannot read the ephemeral port range") }
        if range[0] <= 29_999, range[1] >= 19_000 {
            return DoctorCheck(
                "ports", .warn, "the kernel's ephemeral ports \(range[0])-\(range[1]) overlap 19000-29999",
                hint: "sysctl net.ipv4.ip_local_port_range=\"32768 60999\"")
        }
        return DoctorCheck("ports", .ok, "instances use 20000-29999, outside the ephemeral \(range[0])-\(range[1])")
    }

    private func cgroups() -> DoctorCheck {
        let isDelegated = access("/sys/fs/cgroup/cgroup.subtree_control", W_OK) == 0
        return isDelegated
            ? DoctorCheck("cgroups", .ok, "version 2, writable")
            : DoctorCheck(
                "cgroups", .warn, "not delegated to this user: limits on memory and CPU are not enforced",
                hint: "run Slipway under a systemd unit with Delegate=yes")
    }
}
