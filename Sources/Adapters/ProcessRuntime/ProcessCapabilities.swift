import Glibc

/// What this machine lets the process runtime do; for `doctor`.
package struct ProcessCapabilities: Hashable, Sendable {
    /// Whether limits of CPU and memory take hold, and why (not).
    package var controlGroups: Bool
    package var controlGroupsReason: String
    /// The most open files that an instance may ask for.
    package var openFilesLimit: UInt64
    /// Where instances' ports come from, and what was said about the configured range.
    package var ports: [ClosedRange<Int>]
    package var portsComplaint: String?

    /// Looks at the machine.
    package static func look(_ configuration: ProcessRuntimeConfiguration) -> ProcessCapabilities {
        let choice = PortChoice(
            wanted: configuration.ports, ephemeral: PortChoice.ephemeralRange(), name: configuration.directory)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let groups = ControlGroups.find()
        return ProcessCapabilities(
            controlGroups: groups.group != nil, controlGroupsReason: groups.reason,
            openFilesLimit: UInt64(limit.rlim_max), ports: choice.ranges, portsComplaint: choice.complaint)
    }
}

/// The control groups (version 2) that were delegated to this user, if any.
struct ControlGroups: Hashable, Sendable {
    /// The directory below which groups may be made.
    let directory: String

    /// Looks for a group of our own that may be divided: the parent of the one that we are in, as systemd makes it with
    /// `Delegate=yes` and `DelegateSubgroup=`; our processes are in a leaf then, and instances get leaves beside it.
    static func find(
        membership: String? = SmallFile.read("/proc/self/cgroup"), mounts: String? = SmallFile.read("/proc/self/mounts")
    ) -> (group: ControlGroups?, reason: String) {
        let mount = (mounts ?? "").split(separator: "\n").map { $0.split(separator: " ") }
            .first { $0.count > 2 && $0[2] == "cgroup2" }
        guard let mount, let line = (membership ?? "").split(separator: "\n").first(where: { $0.hasPrefix("0::/") })
        else { return (nil, "there are no control groups of version 2 here") }
        let wanted = ["cpu", "memory"]
        if let offered = SmallFile.read("\(mount[1])/cgroup.controllers")?.split(whereSeparator: \.isWhitespace) {
            let missing = wanted.filter { name in !offered.contains { $0 == name } }
            guard missing.isEmpty else {
                return (
                    nil,
                    "the control groups of version 2 have no controller \(missing.joined(separator: " and ")) here, "
                        + "version 1 has it: boot with systemd.unified_cgroup_hierarchy=1"
                )
            }
        }
        let own = String(line.dropFirst(3))
        guard let slash = own.lastIndex(of: "/"), own != "/" else {
            return (nil, "this process is in the root control group: run it as a systemd service with Delegate=yes")
        }
        let directory = String(mount[1]) + own[..<slash]
        guard access(directory + "/cgroup.subtree_control", W_OK) == 0, access(directory, W_OK) == 0 else {
            return (
                nil, "\(directory) is not delegated to this user: Delegate=yes and DelegateSubgroup=slipway in the unit"
            )
        }
        func isEnabled() -> Bool {
            let enabled = (SmallFile.read(directory + "/cgroup.subtree_control") ?? "").split(
                whereSeparator: \.isWhitespace)
            return wanted.allSatisfy { name in enabled.contains { $0 == name } }
        }
        // With `DelegateSubgroup=slipway` the group is ours alone, and systemd leaves it to us to divide it.
        if !isEnabled(), own.hasSuffix("/slipway") { enable(wanted, in: directory) }
        guard isEnabled() else {
            return (nil, "the controllers cpu and memory are not enabled in \(directory)/cgroup.subtree_control")
        }
        return (ControlGroups(directory: directory), "delegated: \(directory)")
    }

    /// Asks the kernel to divide what a group has; that it did is seen by looking again.
    private static func enable(_ controllers: [String], in directory: String) {
        let descriptor = open(directory + "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array(controllers.map { "+\($0)" }.joined(separator: " ").utf8)
        _ = Glibc.write(descriptor, text, text.count)
    }

    /// Makes an instance's group.
    /// - Returns: its `cgroup.procs`.
    func make(_ name: String, cpuLimit: Int, memoryLimit: Int64) throws -> String {
        let path = "\(directory)/slipway-\(name)"
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw SmallFile.trouble("create", path) }
        // 100 ms is the kernel's own period; a thousandth of a core is 100 µs of it.
        if cpuLimit > 0 { try write("\(cpuLimit * 100) 100000", path + "/cpu.max") }
        if memoryLimit > 0 {
            try write(String(memoryLimit), path + "/memory.max")
            // All of an instance ends together: half of one serves nobody, and nobody would see it.
            try write("1", path + "/memory.oom.group")
        }
        return path + "/cgroup.procs"
    }

    /// What an instance's group has used; nil when it has none.
    func usage(_ name: String) -> UsageSample? {
        let path = "\(directory)/slipway-\(name)"
        guard let cpu = SmallFile.read(path + "/cpu.stat").flatMap({ Self.value("usage_usec", in: $0) }),
            let text = SmallFile.read(path + "/memory.current"),
            let memory = Int64(text.filter { !$0.isWhitespace })
        else { return nil }
        let limit = SmallFile.read(path + "/memory.max") ?? "max"
        return UsageSample(cpu: cpu, memory: memory, isLimited: !limit.hasPrefix("max"))
    }

    /// How often the kernel ended processes of an instance for want of memory.
    func memoryKills(_ name: String) -> Int {
        let events = SmallFile.read("\(directory)/slipway-\(name)/memory.events") ?? ""
        return Int(Self.value("oom_kill", in: events) ?? 0)
    }

    /// One value of a file with a name and a number a line.
    static func value(_ name: String, in text: String) -> Int64? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return Int64(words[1]) }
        }
        return nil
    }

    /// Removes an instance's group; one that still has processes stays until the next time.
    func remove(_ name: String) { rmdir("\(directory)/slipway-\(name)") }

    private func write(_ text: String, _ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SmallFile.trouble("write", path) }
        defer { close(descriptor) }
        try SmallFile.writeAll(descriptor, Array(text.utf8), path)
    }
}
