/// The arguments that `ssh` is started with. The user's configuration, known hosts and agent hold; what is set here is
/// what a program needs that nobody sits in front of.
package struct SSHArguments: Hashable, Sendable {
    package var address: RemoteAddress
    /// Where connections are kept for the next command: a directory that only this user may enter; nil: nowhere.
    package var controlDirectory: String?
    /// Seconds until a connection must stand.
    package var connectTimeout = 10

    package init(address: RemoteAddress, controlDirectory: String?) {
        self.address = address
        self.controlDirectory = controlDirectory
    }

    /// - Parameter command: the words of the command on the other side.
    package func run(_ command: [String]) -> [String] {
        options + sharing + ["--", address.host, ShellWord.line(command)]
    }

    /// Ends the connection that is kept, if there is one.
    package var leave: [String] { options + path + ["-O", "exit", "--", address.host] }

    private var options: [String] {
        var words: [String] = []
        if let configuration = address.configuration { words += ["-F", configuration] }
        if let user = address.user { words += ["-l", user] }
        if let port = address.port { words += ["-p", "\(port)"] }
        let settings = [
            // Never a question: an unknown host key or a missing key is an error that says what to do.
            "BatchMode=yes", "ConnectTimeout=\(connectTimeout)", "ConnectionAttempts=1",
            // A machine that is gone is noticed within 15 seconds.
            "ServerAliveInterval=5", "ServerAliveCountMax=3",
            // Nothing that a configuration for people may add.
            "RequestTTY=no", "RemoteCommand=none", "PermitLocalCommand=no", "ClearAllForwardings=yes",
            "ForwardAgent=no", "ForwardX11=no", "EscapeChar=none",
        ]
        return words + settings.flatMap { ["-o", $0] }
    }

    private var sharing: [String] {
        guard controlDirectory != nil else { return ["-o", "ControlMaster=no", "-o", "ControlPath=none"] }
        return ["-o", "ControlMaster=auto"] + path + ["-o", "ControlPersist=60"]
    }

    private var path: [String] {
        controlDirectory.map { ["-o", "ControlPath=\($0.split(separator: "%").joined(separator: "%%"))/%C"] } ?? []
    }
}
