/// A systemd unit that runs the keeper: starts with the machine, comes back when it is killed, and leaves the instances
/// alone meanwhile.
struct SystemdUnit: Hashable, Sendable {
    enum Kind: String, CaseIterable, Sendable {
        /// Of one user, by the user's own service manager: `systemctl --user`.
        case user
        /// Of the machine, under an account of its own.
        case system
    }

    var kind: Kind
    /// Absolute path of the executable.
    var program: String
    /// Absolute path of the state directory.
    var state: String
    /// The account that it runs under; a system unit's only.
    var account = "slipway"
    /// Whether ports below 1024 may be listened on; a system unit's only.
    var mayUseLowPorts = false

    var text: String {
        let sections = [unit, service, install].map { lines in lines.map { $0 + "\n" }.joined() }
        return sections.joined(separator: "\n")
    }

    private var unit: [String] {
        var lines = [
            "# Made by `slipway export systemd \(kind == .user ? "--user" : "--system")`.", "[Unit]",
            "Description=Slipway: keeps services running and deploys them",
        ]
        if kind == .system { lines += ["Wants=network-online.target", "After=network-online.target"] }
        // Giving up is worse than trying on: every instance goes on without a keeper.
        return lines + ["StartLimitIntervalSec=0"]
    }

    private var service: [String] {
        var lines = ["[Service]", "Type=exec"]
        if kind == .system { lines += account(account) }
        let role = "\(Self.word(program)) keeper --state \(Self.word(state))"
        let reload = "\(Self.word(program)) restart --state \(Self.word(state))"
        lines += [
            "ExecStart=\(role)", "# Goes on with a new executable: supervisor and proxy are replaced, services stay.",
            "ExecReload=\(reload)", "Restart=always", "RestartSec=200ms",
            "# 0: `slipway shutdown`. 75: another keeper has the directory. 77: it is another user's. 78: it was written",
            "# by a later version. Trying again would not help.", "RestartPreventExitStatus=0 75 77 78",
            "# Instances outlive the keeper, and the next one adopts them.", "KillMode=process",
            "# An instance that is out of memory is started again by the keeper; it is no reason to stop the others.",
            "OOMPolicy=continue", "# Twice the keeper's grace of 30 seconds, and some.", "TimeoutStopSec=90",
            "LimitNOFILE=524288", "TasksMax=infinity",
            "# Limits on memory and CPU of instances; the subgroup needs systemd 254 or later.",
            "Delegate=cpu memory pids", "DelegateSubgroup=slipway",
        ]
        return lines + hardening
    }

    private func account(_ name: String) -> [String] {
        var lines = ["User=\(Self.word(name))", "Group=\(Self.word(name))"]
        let base = "/var/lib/"
        if state.hasPrefix(base), !state.dropFirst(base.count).isEmpty {
            // Created for the account when it is missing.
            lines += ["StateDirectory=\(Self.word(String(state.dropFirst(base.count))))", "StateDirectoryMode=0700"]
        }
        if mayUseLowPorts { lines.append("AmbientCapabilities=CAP_NET_BIND_SERVICE") }
        return lines
    }

    /// What holds for the instances as well, since they are its children: only what ordinary services do not notice.
    /// A user's manager cannot restrict more than the first without rights of its own.
    private var hardening: [String] {
        guard kind == .system else { return ["NoNewPrivileges=yes"] }
        return [
            "NoNewPrivileges=yes", "ProtectSystem=full", "ProtectKernelTunables=yes", "ProtectKernelModules=yes",
            "ProtectKernelLogs=yes", "ProtectClock=yes", "ProtectHostname=yes", "RestrictSUIDSGID=yes",
            "RestrictRealtime=yes", "LockPersonality=yes",
        ]
    }

    private var install: [String] {
        ["[Install]", "WantedBy=\(kind == .user ? "default.target" : "multi-user.target")"]
    }

    /// One word of a unit's line: percent signs, dollars and what would end the word are escaped (systemd.syntax(7)).
    static func word(_ text: String) -> String {
        var escaped = ""
        var needsQuotes = text.isEmpty
        for character in text {
            switch character {
            case "%": escaped += "%%"
            case "$": escaped += "$$"
            case "\\", "\"":
                escaped += "\\" + String(character)
                needsQuotes = true
            case "\n": escaped += "\\n"
            case " ", "\t", "'", ";":
                escaped.append(character)
                needsQuotes = true
            case _: escaped.append(character)
            }
        }
        return needsQuotes ? "\"\(escaped)\"" : escaped
    }
}
