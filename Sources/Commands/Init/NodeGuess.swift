import FoundationEssentials

/// A project with a `package.json`.
struct NodeGuess {
    private struct Package: Decodable {
        var name: String?
        var main: String?
        var scripts: [String: String]?
        var dependencies: [String: String]?
        var engines: [String: String]?
    }

    static func guess(_ directory: ProjectDirectory) -> ProjectGuess? {
        guard let text = directory.text("package.json") else { return nil }
        var guess = ProjectGuess()
        let package: Package
        do {
            package = try JSONDecoder().decode(Package.self, from: Data(text.utf8))
        } catch {
            guess.notes.append("package.json could not be understood, so it was left aside: \(error)")
            return guess
        }
        var service = ServiceGuess(name: slug(package.name ?? "", or: "web"), artifact: ".", source: "package.json")
        service.ignore = ["node_modules/"]
        service.prepare = prepare(directory, builds: package.scripts?["build"] != nil)
        let known = package.dependencies ?? [:]
        if let start = package.scripts?["start"] {
            (service.command, service.shell) = launch(start, known)
        } else if let main = package.main ?? directory.first(["server.js", "index.js", "app.js"]) {
            service.command = ["node", main]
        } else {
            service.command = ["node", "server.js"]
            guess.notes.append("package.json has no start script: `command` is a guess.")
        }
        service.port = 3000
        service.listen = 8080
        service.env = [("NODE_ENV", "production")]
        let frameworks = ["next", "express", "fastify", "koa", "@nestjs/core", "@hapi/hapi"]
        if let framework = frameworks.first(where: { known[$0] != nil }) {
            guess.notes.append("The port 3000 is what \(framework) applications commonly use.")
        } else {
            guess.notes.append("The port 3000 is a guess. If it serves nothing, take `port` and `routes` out.")
        }
        if let engine = package.engines?["node"] {
            guess.notes.append("package.json asks for Node \(engine): Slipway uses the `node` in PATH.")
        }
        guess.services = [service]
        return guess
    }

    private static func launch(_ script: String, _ known: [String: String]) -> (command: [String], shell: String?) {
        let parsed = CommandWords.parse(script)
        guard let program = parsed.command.first else { return parsed }
        if program == "next" {
            return (["./node_modules/.bin/next"] + parsed.command.dropFirst() + ["--port", "${instance.port}"], nil)
        }
        if program == "node" || program.hasPrefix("./") || program == "npm" { return parsed }
        // Programs of packages are not in PATH outside npm's own shell.
        return (["./node_modules/.bin/" + program] + parsed.command.dropFirst(), nil)
    }

    private static func prepare(_ directory: ProjectDirectory, builds: Bool) -> [String] {
        let manager: (install: [String], run: String) =
            if directory.has("pnpm-lock.yaml") {
                (["pnpm", "install", "--frozen-lockfile"], "pnpm run build")
            } else if directory.has("yarn.lock") {
                (["yarn", "install", "--frozen-lockfile"], "yarn run build")
            } else if directory.has("package-lock.json") {
                (["npm", "ci"], "npm run build")
            } else {
                (["npm", "install"], "npm run build")
            }
        guard builds else { return manager.install }
        return ["sh", "-c", manager.install.joined(separator: " ") + " && " + manager.run]
    }
}
