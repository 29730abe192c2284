package import Domain

/// One gate in the manifest's words, outside of a manifest: `{ analysis: { errors: +1pp }, interval: 2s }`.
package enum GateText {
    /// - Parameters:
    ///   - name: what the gate is called from here on.
    ///   - source: what the text is called in diagnostics.
    ///   - sources: that it may ask.
    /// - Returns: the gate, nil with errors.
    package static func read(
        _ text: String, called name: String, from source: String, sources: [MetricSource] = []
    ) -> (gate: GateSpec?, diagnostics: [Diagnostic]) {
        var reader = TreeReader(file: source)
        guard let tree = reader.read(text) else { return (nil, reader.findings.all.tidied()) }
        var check = ShapeCheck(file: source)
        check.check(tree, .map(GateShape.gate), label: "the gate", owner: .start)
        let diagnostics = (reader.findings.all + check.findings.all).tidied()
        guard !diagnostics.hasErrors else { return (nil, diagnostics) }
        // A gate that asks a source names it, and outside of a manifest there are those that somebody knows.
        let gate = GateReader(name: name, tree: tree, sources: sources).read()
        if gate == nil {
            check.findings.error(
                .unknownSource, tree.place, "the gate asks a source, and only a manifest has sources",
                hint: "name a gate of the manifest: --gate NAME")
        }
        return (gate, (reader.findings.all + check.findings.all).tidied())
    }
}
