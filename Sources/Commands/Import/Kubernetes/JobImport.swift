/// Reads what runs at times, beside a service and with its image.
struct JobImport {
    typealias Key = ManifestPart.Key

    func cron(_ object: ImportedObject, _ drafts: inout [ServiceDraft]) {
        let job = object.spec["jobTemplate"]["spec"]
        guard let (index, command) = program(job["template"], object, drafts) else { return }
        var keys = [
            Key("schedule", .text(object.spec["schedule"].take("kubernetes.crons") ?? "")), Key("command", command),
        ]
        if let zone = object.spec["timeZone"].take("kubernetes.crons") { keys.insert(Key("zone", .text(zone)), at: 1) }
        let overlap = object.spec["concurrencyPolicy"].take("kubernetes.crons") ?? "Allow"
        if overlap != "Forbid" { keys.append(Key("overlap", .plain(overlap.lowercased()))) }
        if let deadline = ImportedText.seconds(job["activeDeadlineSeconds"].take("kubernetes.crons")) {
            if deadline != "1h" { keys.append(Key("deadline", .plain(deadline))) }
        } else {
            object.spec["jobTemplate"].changed("a run has no time limit there: here it has an hour, or `deadline`")
        }
        let retries = job["backoffLimit"].take("kubernetes.crons") ?? "6"
        if retries != "2" { keys.append(Key("retries", .plain(retries))) }
        object.spec["suspend"].left("a cron job that rests is taken out here")
        let name = Self.name(object.name, of: drafts[index].name)
        drafts[index].crons.append(Key(name, .map(keys)))
    }

    func jobSet(_ object: ImportedObject, _ drafts: inout [ServiceDraft]) {
        let sets = object.spec["replicatedJobs"].items
        guard sets.count == 1, let set = sets.first else { return object.all(.left("a set has jobs of one kind here")) }
        let job = set["template"]["spec"]
        guard let (index, command) = program(job["template"], object, drafts) else { return }
        set["name"].converted("kubernetes.jobs")
        var keys = [Key("command", command)]
        if let count = set["replicas"].take("kubernetes.jobs"), count != "1" {
            keys.append(Key("replicas", .plain(count)))
        }
        if let pods = job["parallelism"].take("kubernetes.jobs"), pods != "1" { keys.append(Key("pods", .plain(pods))) }
        for key in ["completions", "backoffLimit"] { job[key].converted("kubernetes.jobs") }
        if let restarts = object.spec["failurePolicy"]["maxRestarts"].take("kubernetes.jobs") {
            keys.append(Key("restarts", .plain(restarts)))
        }
        drafts[index].jobs.append(Key(Self.name(object.name, of: drafts[index].name), .map(keys)))
    }

    private static func name(_ name: String, of service: String) -> String {
        ManifestPart.name(name.hasPrefix("\(service)-") ? String(name.dropFirst(service.count + 1)) : name)
    }

    /// The service whose image it has, and what it runs.
    private func program(
        _ template: ImportedField, _ object: ImportedObject, _ drafts: [ServiceDraft]
    ) -> (Int, ManifestPart.Node)? {
        let container = template["spec"]["containers"].items.first
        let image = container?["image"].text ?? ""
        let like = drafts.indices.filter { drafts[$0].image == image }
        guard
            let index = like.first(where: { object.name.hasPrefix("\(drafts[$0].name)-") }) ?? like.first, let container
        else {
            object.all(
                .left("no service has its image `\(image)`: it runs beside one, with the same image and variables"))
            return nil
        }
        let words = container["command"].texts
        guard !words.isEmpty else {
            object.all(
                .left(
                    "it runs the image's own program: write it as `command` in `kubernetes.crons` of `\(drafts[index].name)`"
                ))
            return nil
        }
        let own = drafts[index].env + drafts[index].secrets
        for item in container["env"].items where !own.contains(where: { $0.name == item["name"].text }) {
            if item["name"].text == "SLIPWAY_INSTANCE_ID" { continue }
            item.left("it has the variables of `\(drafts[index].name)`, and this is none of them")
        }
        template.converted("what `\(drafts[index].name)` has as well: image, variables, rights, volumes")
        let known = drafts[index].env
        let all = (words + container["args"].texts).map { word in
            ImportedText.filled(word) { name in known.contains { $0.name == name } ? "${env.\(name)}" : nil }
        }
        return (index, .list(all.map { .text($0) }))
    }
}
