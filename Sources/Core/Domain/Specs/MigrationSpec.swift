/// A program that brings a service's data to the form that a release needs, run before anything of the release is.
package struct MigrationSpec: Hashable, Sendable, Codable {
    /// Argument list with `${…}` variables, run in the release's unpacked files. No shell.
    package var command: [String]
    /// Besides the service's own. Sorted by name.
    package var env: [Variable]
    /// Then it is told to stop (TERM), and ten seconds later killed.
    package var timeout: Span
    /// The mark that the data bears afterwards. One that was reached in an environment is not migrated to again.
    package var schema: String
    /// Whether the release before can run on the new schema.
    package var compatible: Bool
    /// How long stable must have been ready afterwards before the rollout goes on.
    package var verify: Span
    /// Asked of stable afterwards.
    package var gate: GateName?

    package init(
        command: [String], env: [Variable] = [], timeout: Span = .minutes(10), schema: String, compatible: Bool = false,
        verify: Span = .seconds(10), gate: GateName? = nil
    ) {
        self.command = command
        self.env = env
        self.timeout = timeout
        self.schema = schema
        self.compatible = compatible
        self.verify = verify
        self.gate = gate
    }

    /// The little of it that decisions need.
    package var facts: MigrationFacts {
        MigrationFacts(schema: schema, isCompatible: compatible, timeout: timeout, verify: verify, gate: gate)
    }
}

/// What decisions need to know of a release's migration.
package struct MigrationFacts: Hashable, Sendable, Codable {
    package var schema: String
    /// The release before can run on the new schema.
    package var isCompatible: Bool
    package var timeout: Span
    package var verify: Span
    package var gate: GateName?

    package init(
        schema: String, isCompatible: Bool, timeout: Span = .minutes(10), verify: Span = .seconds(10),
        gate: GateName? = nil
    ) {
        self.schema = schema
        self.isCompatible = isCompatible
        self.timeout = timeout
        self.verify = verify
        self.gate = gate
    }
}
