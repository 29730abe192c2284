package import ArgumentParser
import FoundationEssentials
import Glibc
import Manifests
import SupervisorAPI

/// `slipway init`: writes a manifest for what it finds.
package struct InitCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a slipway.yaml for the project in a directory.",
        discussion: """
            Looks for a compose file, Procfile, package.json, pyproject.toml or requirements.txt, Package.swift, \
            go.mod and Dockerfile, writes a manifest with comments, and says what was guessed. Nothing is run, and \
            nothing is overwritten without --force.

            Examples:
              slipway init
              slipway init services/shop --name shop
              slipway init --stdout

            Exit codes: 0 done, 1 the manifest is there already or cannot be written, 2 usage.
            """
    )

    @Argument(help: "The project's directory.")
    var directory: String = "."

    @Option(help: "The project's name. (default: the directory's)")
    var name: String?

    @Flag(help: "Overwrite a manifest that is there.")
    var force = false

    @Flag(help: "Print the manifest instead of writing it.")
    var stdout = false

    package init() {}

    package func validate() throws {
        if let name, slug(name, or: "") != name {
            throw ValidationError("--name takes lower-case letters, digits and hyphens, at most 40.")
        }
    }

    package func run() throws {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory else {
            throw try refused("\(directory) is not a directory", hint: "name the project's, or go there")
        }
        let project = ProjectDirectory(path: directory)
        let draft = InitDraft(project, name: name)
        if stdout {
            print(draft.text, terminator: "")
            say(draft.guess.notes)
            return
        }
        let path = directory == "." ? "slipway.yaml" : directory + "/slipway.yaml"
        try write(draft.text, to: path)
        print("Wrote \(path): \(draft.summary).")
        say(draft.guess.notes)
        print("Next: look it through, then `slipway check\(directory == "." ? "" : " -f \(path)")`.")
    }

    /// Whole or not at all; with `--force` the old one stays until the new one is there.
    private func write(_ text: String, to path: String) throws {
        do {
            try WholeFile.write(text, to: path, mode: 0o644, replaces: force, makesParent: false)
        } catch let error as SupervisorError where error.code == "exists" {
            throw try refused("\(path) is there already", hint: "--force overwrites it, --stdout prints instead")
        } catch {
            throw try reported(error)
        }
    }

    private func say(_ notes: [String]) {
        guard !notes.isEmpty else { return }
        var seen: Set<String> = []
        let lines = notes.filter { seen.insert($0).inserted }.map { "  - \($0)" }
        let text = "Please look at:\n" + lines.joined(separator: "\n")
        if stdout { note(text) } else { print(text) }
    }

    private func refused(_ message: String, hint: String) throws -> ExitCode {
        try reported(SupervisorError(code: "init", message: message, hint: hint))
    }
}

/// The manifest that `init` would write.
struct InitDraft {
    let project: String
    let guess: ProjectGuess

    init(_ directory: ProjectDirectory, name: String?) {
        let path = ManifestFile.resolved(directory.path) ?? directory.path
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        project = name ?? slug(last, or: "project")
        guess = ProjectGuess.of(directory)
    }

    var text: String { ManifestText(project: project, guess: guess).text }

    /// `2 services (api, web) from docker-compose.yml`
    var summary: String {
        let names = guess.services.map(\.name)
        let sources = guess.services.map(\.source)
        guard let source = sources.first else { return "no services: nothing was found to run" }
        return "\(names.count) service\(names.count == 1 ? "" : "s") (\(names.joined(separator: ", "))) from \(source)"
    }
}
