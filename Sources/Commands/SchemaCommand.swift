package import ArgumentParser
import FoundationEssentials
import Manifests

/// `slipway schema`: the JSON Schema of manifests, for editors.
package struct SchemaCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of slipway.yaml.",
        discussion: """
            Editors use it to complete keys, show what they mean, and mark mistakes. With the YAML language server, \
            the first line of a manifest can name it:

              # yaml-language-server: $schema=slipway.schema.json

            `slipway check` knows more: cycles, routes that clash, gates that do not exist.

            Examples:
              slipway schema --output-file slipway.schema.json
              slipway schema --scenario -o scenario.schema.json
              slipway schema | jq '."$defs".service.properties | keys'

            Exit codes: 0 done, 1 the file cannot be written, 2 usage.
            """
    )

    @Option(name: [.customShort("o"), .long], help: "Write it to this file instead of standard output.")
    var outputFile: String?

    @Flag(help: "The schema of scenarios for `slipway load`.")
    var scenario = false

    package init() {}

    package func run() throws {
        let schema = scenario ? Scenario.schema : Manifest.schema
        guard let outputFile else {
            print(schema, terminator: "")
            return
        }
        do { try WholeFile.write(schema, to: outputFile, mode: 0o644, makesParent: false) } catch {
            throw try reported(error)
        }
    }
}
