import Manifests

/// A project with a compose file: a service for each of its services that can run as a process.
struct ComposeGuess {
    static let files = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"]

    static func guess(_ directory: ProjectDirectory) -> ProjectGuess? {
        guard let file = directory.first(files), let text = directory.text(file) else { return nil }
        var guess = ProjectGuess()
        guard let services = PlainYAML.read(text)?["services"], !services.entries.isEmpty else {
            guess.notes.append("\(file) could not be understood, so it was left aside.")
            return guess
        }
        var names: [String: String] = [:]
        for entry in services.entries {
            let name = slug(entry.key, or: "app")
            names[entry.key] = names.values.contains(name) ? slug("\(name)-\(names.count)", or: "app") : name
        }
        for entry in services.entries {
            var reading = ComposeService(
                name: names[entry.key] ?? entry.key, value: entry.value, directory: directory, file: file)
            reading.read()
            guess.notes += reading.notes
            if reading.service.command.isEmpty, reading.service.shell == nil {
                guess.outside.append(
                    OutsideGuess(name: reading.service.name, image: entry.value["image"]?.text ?? "unknown"))
            } else {
                guess.services.append(reading.service)
            }
        }
        settleNeeds(&guess, names)
        avoidSamePorts(&guess)
        return guess
    }

    /// Needs name services of the manifest, and never lead back.
    private static func settleNeeds(_ guess: inout ProjectGuess, _ names: [String: String]) {
        let known = guess.services.map(\.name)
        for index in guess.services.indices {
            let wanted = guess.services[index].needs.compactMap { names[$0] }
            guess.services[index].needs = wanted.filter { known.contains($0) && $0 != guess.services[index].name }
            for gone in wanted where !known.contains(gone) {
                guess.notes.append(
                    "`\(guess.services[index].name)` depends on `\(gone)`, which is not in the manifest.")
            }
        }
        for service in guess.services where leadsBack(service.name, guess) {
            guess.notes.append("`\(service.name)` depends on itself through others: its `needs` were left out.")
            if let index = guess.services.firstIndex(where: { $0.name == service.name }) {
                guess.services[index].needs = []
            }
        }
        // Slipway gives the addresses itself.
        for index in guess.services.indices {
            let given = guess.services[index].needs.map { $0.uppercased().replacing("-", with: "_") + "_URL" }
            for name in guess.services[index].env.map(\.name) where given.contains(name) {
                guess.notes.append("`\(name)` was left out of `\(guess.services[index].name)`: Slipway sets it.")
            }
            guess.services[index].env.removeAll { given.contains($0.name) }
        }
    }

    /// Whether following needs from a service leads to it again.
    private static func leadsBack(_ name: String, _ guess: ProjectGuess) -> Bool {
        var passed: Set<String> = []
        var next = [name]
        while let current = next.popLast() {
            for need in guess.services.first(where: { $0.name == current })?.needs ?? [] {
                if need == name { return true }
                if passed.insert(need).inserted { next.append(need) }
            }
        }
        return false
    }

    private static func avoidSamePorts(_ guess: inout ProjectGuess) {
        var taken: Set<Int> = []
        for index in guess.services.indices {
            guard let listen = guess.services[index].listen, (1...65_535).contains(listen) else {
                guess.services[index].listen = nil
                continue
            }
            var port = listen < 1024 ? listen + 8000 : listen
            while taken.contains(port) { port += 1 }
            taken.insert(port)
            if port != listen {
                guess.notes.append(
                    "`\(guess.services[index].name)` listens on \(port): \(listen) needs rights, or is taken."
                )
            }
            guess.services[index].listen = port
        }
    }
}
