import Asking
import Domain

/// Finds who asks, host by host, and keeps it. One question at a time is put to a program.
actor CredentialKeeper {
    private let files: [CredentialFile]
    private let variables: [String: String]
    private let limit: Duration
    private var kept: [String: FoundCredential] = [:]
    private var isAsking = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - variables: what programs get.
    ///   - limit: how long one may take.
    init(files: [CredentialFile], variables: [String: String], limit: Duration) {
        self.files = files
        self.variables = variables
        self.limit = limit
    }

    func credential(for reference: ImageReference) async throws(RegistryTrouble) -> FoundCredential {
        for file in files {
            switch file.answer(for: reference) {
            case .nothing: continue
            case .credential(let credential, let key):
                return FoundCredential(
                    credential: credential, origin: "the credentials for \(key.printable) in \(file.place)")
            case .program(let name, let isExplicit):
                let found = try await ask(name, reference, file.place, isExplicit: isExplicit)
                if found.credential != .anonymous { return found }
            }
        }
        return .none
    }

    // MARK: - Programs

    private func ask(
        _ name: String, _ reference: ImageReference, _ place: String, isExplicit: Bool
    ) async throws(RegistryTrouble) -> FoundCredential {
        let server =
            reference.host == ImageReference.standardHost ? "https://index.docker.io/v1/" : reference.host
        let key = "\(name) \(server)"
        while isAsking { await withCheckedContinuation { waiting.append($0) } }
        if let kept = kept[key] { return kept }
        isAsking = true
        defer {
            isAsking = false
            for waiter in waiting { waiter.resume() }
            waiting = []
        }
        let found = try await run(name, server, place, isExplicit: isExplicit)
        kept[key] = found
        return found
    }

    /// - Parameter isExplicit: whether the file says that this program knows the host.
    private func run(
        _ name: String, _ server: String, _ place: String, isExplicit: Bool
    ) async throws(RegistryTrouble) -> FoundCredential {
        let command = "docker-credential-\(name)"
        guard !name.contains("/") else {
            throw RegistryTrouble(.configuration, "\(place) names the credential helper `\(name.printable)`, a path")
        }
        let program: String
        switch ProgramSearch(directory: "/", path: variables["PATH"] ?? ProgramRun.standardSearchPath).find(command) {
        case .found(let found): program = found
        case .missing(let words):
            throw RegistryTrouble(
                .configuration, "\(place) says that \(command) knows the credentials, and it cannot be run: \(words)",
                hint:
                    "install it, or take `\(isExplicit ? "credHelpers" : "credsStore")` out of the file and log in again"
            )
        }
        let outcome = await ProgramRun(
            program: program, arguments: [command, "get"], env: variables, directory: "/", limit: limit,
            input: Array(server.utf8)
        ).run(reading: 1 << 20)
        let line = String(decoding: outcome.output.prefix(300), as: UTF8.self)
        switch outcome.end {
        case .exited(0): return try read(outcome.output, command)
        // It is a sentence that the protocol gives, and it is said with a failure.
        case .exited where line.contains("credentials not found"): return .none
        case .exited(let code):
            // What it says to standard output is a message now, and no secret.
            let last = (outcome.lines.last ?? line).printable
            throw RegistryTrouble(
                .configuration, "\(command) ended with \(code)\(last.isEmpty ? "" : ": \(last)")",
                hint: "run it by hand: echo \(server) | \(command) get")
        case .signalled(let signal):
            throw RegistryTrouble(.configuration, "\(command) was ended by signal \(signal)")
        case .timedOut:
            throw RegistryTrouble(
                .configuration, "\(command) was not done in \(limit.components.seconds) s, and was stopped",
                hint: "run it by hand: does it wait for an answer of yours?")
        case .tooMuch: throw RegistryTrouble(.configuration, "\(command) printed more than 1 MiB, and was stopped")
        case .notStarted(let words): throw RegistryTrouble(.configuration, "\(command) cannot be run: \(words)")
        }
    }

    private func read(_ output: [UInt8], _ command: String) throws(RegistryTrouble) -> FoundCredential {
        guard let answer = JSONValue(parsing: output), let secret = answer["Secret"]?.text else {
            throw RegistryTrouble(
                .configuration, "\(command) gave no credentials: no JSON with `Username` and `Secret`")
        }
        let user = answer["Username"]?.text ?? ""
        let origin = "the credentials of \(command)"
        if user == "<token>" { return FoundCredential(credential: .identity(token: secret), origin: origin) }
        return FoundCredential(credential: .basic(user: user, password: secret), origin: origin)
    }
}
