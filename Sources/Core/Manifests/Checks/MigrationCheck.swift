import Domain

extension SenseCheck {
    /// A mark is short and of one line; stable is looked at for longer than its readiness probe needs to notice.
    func checkMigration(_ service: ServiceReading, _ findings: inout Findings) {
        guard let tree = service.tree["migrate"], let migration = service.plan.spec.migrate else { return }
        if let mark = tree["schema"], migration.schema.utf8.count > 64 || migration.schema.contains("\n") {
            findings.error(
                .badValue, mark.place, "`schema` must be one line of at most 64 bytes",
                hint: "a number, or a short name: `7`, `2026-02-add-email`")
        }
        for entry in tree["env"]?.entries ?? [] where entry.key.hasPrefix("SLIPWAY_") {
            findings.error(
                .conflict, entry.keyPlace, "Slipway sets `\(entry.key)` itself: it is reserved",
                hint: "leave it out, or choose another name")
        }
        guard let probe = service.plan.spec.probes.readiness else { return }
        let needed = Span(
            milliseconds: (probe.every.milliseconds + probe.timeout.milliseconds) * Int64(probe.failures))
        if migration.verify < needed {
            findings.warning(
                .noEffect, (tree["verify"] ?? tree).place,
                "stable is watched for \(migration.verify) after the migration, but its readiness probe needs up to "
                    + "\(needed) to notice trouble", hint: "`verify: \(needed)`")
        }
    }
}
