/// A project with a `Package.swift` or a `go.mod`.
struct CompiledGuess {
    static func swift(_ directory: ProjectDirectory) -> ProjectGuess? {
        guard let text = directory.text("Package.swift") else { return nil }
        var guess = ProjectGuess()
        let products = names(after: ".executable(", in: text)
        let product = products.first ?? names(after: ".executableTarget(", in: text).first
        let name = product ?? "App"
        var service = ServiceGuess(name: slug(name, or: "app"), artifact: ".", source: "Package.swift")
        service.ignore = [".build/"]
        service.prepare = ["swift", "build", "-c", "release", "--product", name]
        service.prepareTimeout = "30m"
        service.command = ["./.build/release/" + name]
        service.port = 8080
        service.listen = 8080
        if product == nil {
            guess.notes.append("Package.swift names no executable that could be found: `App` is a guess.")
        }
        if products.count > 1 {
            guess.notes.append("Package.swift has more executables: \(products.dropFirst().joined(separator: ", ")).")
        }
        if text.contains("vapor") || text.contains("hummingbird") {
            let framework = text.contains("vapor") ? "vapor" : "hummingbird"
            service.command +=
                framework == "vapor"
                ? ["serve", "--hostname", "127.0.0.1", "--port", "${instance.port}"] : ["--port", "${instance.port}"]
            guess.notes.append("The arguments of `command` are what \(framework) applications commonly take.")
        }
        guess.services = [service]
        return guess
    }

    static func go(_ directory: ProjectDirectory) -> ProjectGuess? {
        guard let text = directory.text("go.mod") else { return nil }
        var guess = ProjectGuess()
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("module ") }
        let module = line?.dropFirst(7).split(separator: "/").last.map(String.init) ?? "app"
        let commands = directory.has("main.go") ? [] : directory.below("cmd").names.filter { !$0.hasPrefix(".") }
        let name = commands.first ?? module
        var service = ServiceGuess(name: slug(name, or: "app"), artifact: ".", source: "go.mod")
        let binary = slug(name, or: "app")
        service.prepare = ["go", "build", "-o", "bin/\(binary)", commands.first.map { "./cmd/\($0)" } ?? "."]
        service.command = ["./bin/\(binary)"]
        service.port = 8080
        service.listen = 8080
        if commands.count > 1 {
            guess.notes.append("cmd/ has more programs: \(commands.dropFirst().joined(separator: ", ")).")
        }
        guess.services = [service]
        return guess
    }

    /// The names given in calls such as `.executable(name: "x"`.
    private static func names(after call: String, in text: String) -> [String] {
        text.split(separator: call, omittingEmptySubsequences: false).dropFirst().compactMap { rest in
            let quoted = rest.prefix { $0 != ")" }.split(separator: "\"", omittingEmptySubsequences: false)
            guard quoted.count >= 3, quoted[0].filter({ !$0.isWhitespace }) == "name:" else { return nil }
            return String(quoted[1])
        }
    }
}
