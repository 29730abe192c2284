package import Domain

/// A scenario for `slipway load`: what virtual users do, how many come, and what must hold of the results.
package struct Scenario: Hashable, Sendable {
    /// `http://localhost:8080`; nil: the command line has to say it.
    package var url: String?
    package var load: LoadSpec

    /// What `parse` makes of a text.
    package struct Parsed: Sendable {
        /// Nil with errors.
        package var scenario: Scenario?
        /// Sorted by place, bounded.
        package var diagnostics: [Diagnostic]
    }

    /// Reads and checks a scenario.
    ///
    /// - Parameters:
    ///   - text: at most 1 MiB.
    ///   - file: what it is called in diagnostics.
    package static func parse(text: String, file: String) -> Parsed {
        var reader = TreeReader(file: file)
        reader.noun = "the scenario"
        guard let tree = reader.read(text) else { return Parsed(diagnostics: reader.findings.all.tidied()) }
        var check = ShapeCheck(file: file)
        check.findings = reader.findings
        check.check(tree, .map(LoadShape.scenario), label: "the scenario", owner: .start)
        let standard = LoadSpec(
            path: "/", perSecond: 200, connections: 512, duration: .seconds(10), limits: ThresholdSpec())
        let load = LoadReader(tree: tree).read(limits: ThresholdSpec(), standard: standard)
        if tree["flows"] == nil, case .map = tree.content, !check.findings.all.hasErrors {
            check.findings.error(
                .missingKey, .start, "the scenario has no flows",
                hint: "for example `flows: { home: { get: / }, search: { weight: 3, get: /search } }`")
        }
        LoadCheck(tree: tree, spec: load, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
            .run(&check.findings)
        let diagnostics = check.findings.all.tidied()
        guard !diagnostics.hasErrors else { return Parsed(diagnostics: diagnostics) }
        return Parsed(scenario: Scenario(url: tree["url"]?.text, load: load), diagnostics: diagnostics)
    }

    /// The JSON Schema (draft 2020-12) of scenarios, as indented JSON text, for editors.
    package static var schema: String { ShapeSchema.scenario().pretty }
}
