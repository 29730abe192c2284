import Domain
import SupervisorAPI

/// `PlanReport` as lines.
struct PlanView {
    var style: Style

    func lines(_ report: PlanReport) -> [String] {
        var lines: [String] = []
        var wave = -1
        let waves = (report.items.map(\.wave).max() ?? 0) + 1
        for item in report.items {
            if waves > 1, item.wave != wave {
                wave = item.wave
                lines.append(style.paint("wave \(wave + 1) of \(waves)", .dim))
            }
            lines += self.lines(item)
        }
        lines += objects(report.objects ?? [])
        if !report.origin.isEmpty { lines.insert(style.paint("from \(report.origin)", .bold), at: 0) }
        if !report.hasChanges, report.objections.isEmpty {
            lines.append("nothing to do: everything stands as it should")
        }
        for text in report.notes { lines.append(style.paint("note: \(text)", .yellow)) }
        for objection in report.objections {
            lines.append(style.paint("error: \(objection.message)", .red))
            if !objection.hint.isEmpty { lines.append("hint: \(objection.hint)") }
        }
        return lines
    }

    private func lines(_ item: PlanItem) -> [String] {
        let arrow = style.sign("→", "->")
        let from = item.from.map { "@\($0) \(arrow) " } ?? ""
        let to = item.to.map { "@\($0)" } ?? ""
        switch item.action {
        case "keep": return ["  \(item.service)  \(to)  " + style.paint("unchanged", .dim)]
        case "create":
            return [style.paint("+ \(item.service)", .green) + "  \(to)  new, \(item.strategy)"] + stages(item)
        case "start":
            return [style.paint("^ \(item.service)", .green) + "  \(to)  started again, \(item.strategy)"]
                + stages(item)
        case "remove":
            return [style.paint("- \(item.service)", .red) + "  " + (item.from.map { "@\($0)  " } ?? "") + "taken down"]
        case _: break
        }
        var lines = [style.paint("~ \(item.service)", .yellow) + "  \(from)\(to)  \(item.strategy)"]
        lines += changes(item.changes)
        return lines + stages(item)
    }

    /// What a cluster's server makes of it, by dry runs. What stays as it is gets no line of its own.
    private func objects(_ objects: [PlanObject]) -> [String] {
        guard !objects.isEmpty else { return [] }
        var lines = [style.paint("objects, as the cluster's server would have them", .bold)]
        for object in objects where !Self.stays(object) {
            guard !object.isNew else {
                lines.append(style.paint("  + \(object.title)", .green) + "  new")
                continue
            }
            guard !object.isLeaving else {
                lines.append(style.paint("  - \(object.title)", .red) + "  no longer asked for: it goes")
                continue
            }
            let before = object.before.map { "  beside \($0)" } ?? ""
            lines.append(
                style.paint("  \(object.before == nil ? "~" : "+") \(object.title)", .yellow) + before)
            lines += changes(object.changes)
        }
        let same = objects.count { Self.stays($0) }
        if same > 0 { lines.append(style.paint("    \(same) more stay as they are", .dim)) }
        for object in objects where !object.kept.isEmpty {
            lines.append(style.paint("  \(object.title): not touched, as others look after them", .dim))
            for field in object.kept { lines.append(style.paint("    \(harmless(field))", .dim)) }
        }
        return lines
    }

    private static func stays(_ object: PlanObject) -> Bool {
        !object.isNew && !object.isLeaving && object.changes.isEmpty && object.before == nil
    }

    private func changes(_ changes: [PlanChange]) -> [String] {
        changes.map { change in
            let old = change.old.isEmpty ? "(none)" : harmless(change.old)
            let new = change.new.isEmpty ? "(none)" : harmless(change.new)
            return "    \(harmless(change.field)): \(style.paint(old, .red)) \(style.sign("→", "->")) "
                + style.paint(new, .green)
        }
    }

    private func stages(_ item: PlanItem) -> [String] {
        guard !item.stages.isEmpty else { return [] }
        var lines = [style.paint("    " + item.stages.joined(separator: " \(style.sign("→", "->")) "), .dim)]
        if !item.background.isEmpty {
            let names = item.background.map(\.text).joined(separator: ", ")
            lines.append(style.paint("    in the background: \(names)", .dim))
        }
        if let watch = item.watch {
            let gates = watch.gates.isEmpty ? "" : " by " + watch.gates.map(\.text).joined(separator: ", ")
            let failure = watch.onFailure == .hold ? "a failure asks a person" : "a failure takes everything back"
            lines.append(style.paint("    watched for \(watch.span)\(gates) once promoted: \(failure)", .dim))
        }
        if item.onFailure == "hold" { lines.append(style.paint("    a failure is held for inspection", .dim)) }
        return lines
    }
}
