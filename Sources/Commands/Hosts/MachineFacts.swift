/// What a machine says of itself before slipway is put there.
struct MachineFacts: Hashable, Sendable {
    var system = ""
    var machine = ""
    var kernel = ""
    /// `glibc 2.36`; empty where it is another C library.
    var library = ""
    var user = ""
    var home = ""
    /// The whole path of slipway's executable there, whether it exists or not.
    var program = ""
    /// Of that file; nil: there is none.
    var digest: String?
    /// Free in the home directory and available, in KiB.
    var disk: Int64?
    var memory: Int64?
    /// Hard limit of open files; nil: unlimited.
    var openFiles: Int?
    /// Seconds since 1970.
    var clock: Int64?
    /// Whether the user's own systemd answers, and goes on without a login.
    var hasUserSystemd = false
    var lingers = false

    /// Marks our lines among what start files of the shell may print.
    private static let mark = "slipway:"

    /// For `sh -c`; its first argument is the program's path, relative to the home directory or absolute.
    static let script = """
        say() { printf '\(mark)%s=%s\\n' "$1" "$2"; }
        say system "$(uname -s)"
        say machine "$(uname -m)"
        say kernel "$(uname -r)"
        say library "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
        say user "$(id -un)"
        say home "$HOME"
        case "$1" in /*) program=$1 ;; *) program=$HOME/$1 ;; esac
        say program "$program"
        if [ -f "$program" ]; then say digest "$(sha256sum "$program" | cut -d ' ' -f 1)"; fi
        say disk "$(df -Pk "$HOME" | tail -n 1)"
        say memory "$(grep MemAvailable: /proc/meminfo)"
        say files "$(ulimit -Hn)"
        say clock "$(date +%s)"
        XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
        export XDG_RUNTIME_DIR
        if systemctl --user show-environment >/dev/null 2>&1; then say systemd yes; fi
        say linger "$(loginctl show-user "$(id -un)" --property=Linger --value 2>/dev/null)"
        """

    /// Reads what the script printed; nil when nothing of it arrived.
    init?(_ output: String) {
        var values: [String: String] = [:]
        for line in output.split(separator: "\n") where line.hasPrefix(Self.mark) {
            let pair = line.dropFirst(Self.mark.count).split(separator: "=", maxSplits: 1)
            if pair.count == 2 { values[String(pair[0])] = String(pair[1]) }
        }
        guard let system = values["system"], let home = values["home"], let program = values["program"] else {
            return nil
        }
        self.system = system
        self.home = home
        self.program = program
        machine = values["machine"] ?? ""
        kernel = values["kernel"] ?? ""
        library = values["library"] ?? ""
        user = values["user"] ?? ""
        digest = values["digest"].flatMap { $0.utf8.count == 64 ? $0 : nil }
        // Filesystem, blocks, used, available, capacity, mounted on: counted from the end, for odd names of devices.
        let columns = (values["disk"] ?? "").split(separator: " ")
        disk = columns.firstIndex { $0.hasSuffix("%") }.flatMap { $0 > 0 ? Int64(columns[$0 - 1]) : nil }
        memory = (values["memory"] ?? "").split(separator: " ").dropFirst().first.flatMap { Int64($0) }
        openFiles = values["files"].flatMap { Int($0) }
        clock = values["clock"].flatMap { Int64($0) }
        hasUserSystemd = values["systemd"] == "yes"
        lingers = values["linger"] == "yes"
    }

    /// Looks at what was said.
    /// - Parameters:
    ///   - machine: of this executable, as `uname -m` says it.
    ///   - size: of this executable, in bytes.
    ///   - now: seconds since 1970, here.
    func checks(machine own: String, size: Int64, now: Int64) -> [DoctorCheck] {
        [platform(own), room(size), working, files, time(now), staying]
    }

    private func platform(_ own: String) -> DoctorCheck {
        let text = "\(system) \(kernel), \(machine), \(library.isEmpty ? "no glibc" : library)"
        if system != "Linux" { return DoctorCheck("system", .fail, text, hint: "Slipway runs on Linux only") }
        if machine != own {
            return DoctorCheck(
                "system", .fail, "\(text); this executable is for \(own)",
                hint: "run `slipway host add` from an executable that was built for \(machine)")
        }
        if library.isEmpty {
            return DoctorCheck("system", .fail, text, hint: "Slipway needs a system with the GNU C library")
        }
        let version = kernel.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        if version.count == 2, (version[0], version[1]) < (5, 11) {
            return DoctorCheck("system", .fail, text, hint: "Slipway needs Linux 5.11 or later")
        }
        return DoctorCheck("system", .ok, text)
    }

    private func room(_ size: Int64) -> DoctorCheck {
        guard let disk else { return DoctorCheck("disk", .warn, "cannot see how much space \(home) has") }
        let text = "\(disk >> 10) MiB free at \(home)"
        // The executable, twice while it is replaced, and room for artifacts.
        if disk << 10 < 2 * size + 100 << 20 {
            return DoctorCheck("disk", .fail, text, hint: "slipway takes \(size >> 20) MiB, and releases need room")
        }
        return DoctorCheck("disk", disk < 1 << 20 ? .warn : .ok, text)
    }

    private var working: DoctorCheck {
        guard let memory else { return DoctorCheck("memory", .warn, "cannot see how much memory is available") }
        return DoctorCheck("memory", memory < 128 << 10 ? .warn : .ok, "\(memory >> 10) MiB available")
    }

    private var files: DoctorCheck {
        guard let openFiles else { return DoctorCheck("files", .ok, "any number of open files") }
        return DoctorCheck(
            "files", openFiles < 4096 ? .warn : .ok, "at most \(openFiles) open files",
            hint: openFiles < 4096 ? "the proxy needs two per request under way: raise `ulimit -Hn`" : "")
    }

    private func time(_ now: Int64) -> DoctorCheck {
        guard let clock else { return DoctorCheck("clock", .warn, "cannot see the time there") }
        let off = abs(clock - now)
        return DoctorCheck(
            "clock", off > 60 ? .warn : .ok, off > 60 ? "\(off) s from the time here" : "as here",
            hint: off > 60 ? "set one of the two clocks: times of events and logs will not fit" : "")
    }

    private var staying: DoctorCheck {
        guard hasUserSystemd else {
            return DoctorCheck(
                "account", .ok,
                "\(user); no systemd of its own: after a reboot run slipway up again, or use a system unit")
        }
        return DoctorCheck(
            "account", .ok,
            "\(user); systemd of its own\(lingers ? ", lingering" : " (loginctl enable-linger, so that it stays)")")
    }
}
