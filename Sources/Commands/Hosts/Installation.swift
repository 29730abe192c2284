import DirectoryArtifacts
import Domain
import FoundationEssentials
import Glibc
import SecureShell
import SupervisorAPI

/// Puts this executable on another machine, and starts it there.
struct Installation: Sendable {
    let shell: RemoteShell
    /// Of this executable.
    let own: String
    let digest: String
    let size: Int64

    init(_ address: RemoteAddress) throws {
        own = try ownProgram()
        // By its own name: whatever lies at the path meanwhile, this is what runs.
        digest = try ArtifactDirectory.digest(ofFile: "/proc/self/exe").hex
        var status = stat()
        guard stat("/proc/self/exe", &status) == 0 else {
            throw SupervisorError(code: "host", message: "cannot look at this executable")
        }
        size = Int64(status.st_size)
        shell = try RemoteShell(address)
    }

    func close() { shell.close() }

    /// - Parameter program: where slipway is or will be, relative to the home directory or absolute.
    func look(program: String) async throws -> MachineFacts {
        let outcome = try await shell.run(["sh", "-c", MachineFacts.script, "sh", program])
        guard let facts = MachineFacts(outcome.output) else {
            throw SupervisorError(
                code: "host",
                message: "\(shell.address) did not say what it is (exit code \(outcome.code)): "
                    + outcome.errors,
                hint: "an account with a POSIX shell is needed there")
        }
        return facts
    }

    func checks(_ facts: MachineFacts) -> [DoctorCheck] {
        facts.checks(machine: Self.machine(), size: size, now: SystemMoment.now().wall / 1000)
    }

    /// Puts the executable there, unless the same one is there already.
    /// - Returns: whether anything was sent.
    func put(_ facts: MachineFacts) async throws -> Bool {
        guard facts.digest != digest else { return false }
        let outcome = try await shell.run(
            ["sh", "-c", Self.putting, "sh", facts.program, digest], input: "/proc/self/exe", timeout: .seconds(1_800))
        let said = outcome.errors.split(separator: "\n").suffix(4).map { "\n  \($0)" }.joined()
        switch outcome.code {
        case 0: return true
        case Code.cannotWrite:
            throw SupervisorError(
                code: "host",
                message: "slipway (\(size >> 20) MiB) cannot be written to \(facts.program) on "
                    + "\(shell.address):\(said)",
                hint: "nothing was changed there; free some space, or choose another place with --program")
        case Code.damaged:
            throw SupervisorError(
                code: "host", message: "slipway arrived damaged on \(shell.address):\(said)",
                hint: "nothing was changed there; run the command again")
        case Code.cannotRun:
            throw SupervisorError(
                code: "host", message: "this executable does not run on \(shell.address):\(said)",
                hint: "nothing was changed there; install the library that is named (libsqlite3-0), or build with "
                    + "`make release` on a system as old as that one (it has \(facts.library))")
        case _:
            throw SupervisorError(
                code: "host", message: "slipway cannot be put on \(shell.address) (exit code \(outcome.code)):\(said)",
                hint: "nothing was changed there")
        }
    }

    /// Makes a unit of the account's own systemd, and starts it. Where a keeper runs already, it gives way.
    func startBySystemd(_ host: RemoteHost, state: String) async throws {
        let outcome = try await shell.run(
            ["sh", "-c", Self.systemd, "sh", host.program, state], timeout: .seconds(150))
        guard outcome.code == 0 else {
            let said = outcome.errors.split(separator: "\n").suffix(6).map { "\n  \($0)" }.joined()
            throw SupervisorError(
                code: "host", message: "the systemd unit cannot be started on \(shell.address):\(said)",
                hint: "there: systemctl --user status slipway; without --systemd slipway starts by itself")
        }
        for line in outcome.errors.split(separator: "\n") where line.hasPrefix("warning:") { note(String(line)) }
    }

    /// As `uname -m` says it.
    static func machine() -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "" }
        return withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Exit codes of the script below.
    private enum Code {
        static let cannotWrite: Int32 = 74
        static let damaged: Int32 = 65
        static let cannotRun: Int32 = 79
    }

    /// Arguments: the path, the digest; the executable comes by standard input. Written beside, tried, renamed.
    private static let putting = """
        umask 077
        mkdir -p "$(dirname "$1")" || exit 74
        beside="$1.$$.tmp"
        trap 'rm -f "$beside"' EXIT
        trap 'exit 74' HUP INT TERM PIPE
        cat >"$beside" || exit 74
        [ "$(sha256sum "$beside" | cut -d ' ' -f 1)" = "$2" ] || { echo "its digest is another one" >&2; exit 65; }
        chmod 755 "$beside" || exit 74
        "$beside" --version >/dev/null || exit 79
        mv -f "$beside" "$1" || exit 74
        """

    /// Arguments: the program, the state directory.
    private static let systemd = """
        set -e
        XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
        export XDG_RUNTIME_DIR
        systemctl --user show-environment >/dev/null
        "$1" export systemd --user --program "$1" --state "$2" \
        --write "${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/slipway.service"
        systemctl --user daemon-reload
        if ! systemctl --user --quiet is-active slipway.service; then
            "$1" shutdown --yes --state "$2" >/dev/null 2>&1 || true
        fi
        systemctl --user enable --now slipway.service
        loginctl enable-linger || echo "warning: without lingering it ends at logout: sudo loginctl enable-linger $(id -un)" >&2
        """
}
