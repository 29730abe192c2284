import Domain
import Manifests

/// Reads the pods of a Deployment into a service.
struct PodImport {
    /// Those of the same files: where values and sizes are.
    let objects: [ImportedObject]
    let namespace: String?

    func read(_ object: ImportedObject, into draft: inout ServiceDraft) {
        let spec = object.spec
        if spec["replicas"].text == "0" {
            spec["replicas"].changed(
                "1: a service that rests is shut down with `slipway down`, its manifest says what it is else")
        }
        draft.replicas = max(1, spec["replicas"].take("replicas").flatMap { Int($0) } ?? 1)
        spec["selector"].converted("Slipway tells pods apart by labels of its own")
        strategy(spec, &draft)
        let template = spec["template"]
        metadata(template["metadata"], object, &draft)
        let pod = template["spec"]
        place(pod, &draft)
        security(pod, &draft)
        let containers = pod["containers"].items
        for extra in containers.dropFirst() {
            extra.left("a pod has one container here: build its program into the image, or let a mesh put it beside")
        }
        pod["initContainers"].left("what is to be done before belongs into `migrate`, or into the image")
        guard let container = containers.first else { return }
        draft.image = container["image"].take("image") ?? ""
        container["name"].converted("containers are called as their service")
        ports(container, &draft)
        environment(container, &draft)
        command(container, &draft)
        ProbeImport().read(container, pod, &draft)
        resources(container["resources"], &draft)
        VolumeImport(objects: objects).read(pod, container, &draft)
    }

    // MARK: - The workload

    private func strategy(_ spec: ImportedField, _ draft: inout ServiceDraft) {
        var more: [ManifestPart.Key] = []
        if let ready = ImportedText.seconds(spec["minReadySeconds"].take("strategy.minReady")), ready != "0s" {
            more.append(ManifestPart.Key("minReady", .plain(ready)))
        }
        let deadline = spec["progressDeadlineSeconds"]
        if deadline.number != 600, let span = ImportedText.seconds(deadline.take("strategy.progressDeadline")) {
            more.append(ManifestPart.Key("progressDeadline", .plain(span)))
        }
        spec["paused"].left("a Deployment that is paused is not replaced: `slipway pause` does it while one rolls out")
        let strategy = spec["strategy"]
        strategy["type"].converted("strategy")
        if strategy["type"].text == "Recreate" {
            draft.set("strategy", more.isEmpty ? .plain("recreate") : .map([ManifestPart.Key("recreate", .map(more))]))
            return
        }
        let bounds = ["maxSurge", "maxUnavailable"].map { key in
            ManifestPart.Key(key, .plain(strategy["rollingUpdate"][key].take("strategy.rolling.\(key)") ?? "25%"))
        }
        draft.set("strategy", .map([ManifestPart.Key("rolling", .map(bounds + more))]))
    }

    private func metadata(_ metadata: ImportedField, _ object: ImportedObject, _ draft: inout ServiceDraft) {
        let selector = object.spec.at("selector", "matchLabels").plainTexts
        var labels: [ManifestPart.Key] = []
        for (key, field) in metadata["labels"].entries {
            if ClusterStandards.isTools(key) || key == "pod-template-hash" {
                field.converted("Slipway's own labels")
            } else if selector[key] != nil {
                field.changed("left out, so that no Service of the old pods finds the new ones")
            } else if let text = field.take("kubernetes.labels") {
                labels.append(ManifestPart.Key(key, .text(text)))
            }
        }
        if !labels.isEmpty { draft.set(kubernetes: "labels", .map(labels)) }
        var annotations: [ManifestPart.Key] = []
        for (key, field) in metadata["annotations"].entries {
            if ClusterStandards.isTools(key) {
                field.converted("its tool's own")
            } else if let text = field.take("kubernetes.annotations") {
                annotations.append(ManifestPart.Key(key, .text(text)))
            }
        }
        if !annotations.isEmpty { draft.set(kubernetes: "annotations", .map(annotations)) }
        metadata["creationTimestamp"].converted("the cluster's own")
    }

    // MARK: - Place and rights

    private func place(_ pod: ImportedField, _ draft: inout ServiceDraft) {
        draft.account = pod["serviceAccountName"].take("each service has an account of its own")
        pod["automountServiceAccountToken"].converted("a token is mounted where there are permissions")
        if let name = pod["priorityClassName"].take("kubernetes.priorityClass") {
            draft.set(kubernetes: "priorityClass", .text(name))
        }
        let nodes = pod["nodeSelector"].plainTexts
        if !nodes.isEmpty {
            pod["nodeSelector"].converted("kubernetes.nodes")
            draft.set(
                kubernetes: "nodes", ServiceDraft.texts(nodes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
        }
        let tolerations = pod["tolerations"].items.map { item -> ManifestPart.Node in
            item.converted("kubernetes.tolerations")
            var keys = ["key", "value", "effect"].compactMap { key in
                item[key].text.map { ManifestPart.Key(key, .text($0)) }
            }
            if let stay = ImportedText.seconds(item["tolerationSeconds"].text) {
                keys.append(ManifestPart.Key("for", .plain(stay)))
            }
            return .map(keys)
        }
        if !tolerations.isEmpty { draft.set(kubernetes: "tolerations", .list(tolerations)) }
        draft.spread = pod["topologySpreadConstraints"].items.map { spread($0) }
        if let affinity = pod["affinity"].value, !affinity.entries.isEmpty {
            pod["affinity"].converted("kubernetes.affinity")
            draft.set(kubernetes: "affinity", ManifestPart.Node(affinity))
        }
        for secret in pod["imagePullSecrets"].items { secret.converted("environments: cluster.pullSecrets") }
    }

    private func spread(_ item: ImportedField) -> ManifestPart.Node {
        let key = item["topologyKey"].take("kubernetes.spread") ?? SpreadSpec.host
        let skew = item["maxSkew"].take("kubernetes.spread") ?? "1"
        let isRequired = item["whenUnsatisfiable"].take("kubernetes.spread") == "DoNotSchedule"
        item["labelSelector"].converted("the pods of the release")
        if skew == "1", !isRequired, key == SpreadSpec.host || key == SpreadSpec.zone {
            return .plain(key == SpreadSpec.host ? "host" : "zone")
        }
        return .map([
            ManifestPart.Key("over", .text(key)), ManifestPart.Key("skew", .plain(skew)),
            ManifestPart.Key("required", .plain("\(isRequired)")),
        ])
    }

    /// Every pod is what the level *restricted* asks for; what is wider than that is told.
    private func security(_ pod: ImportedField, _ draft: inout ServiceDraft) {
        let own = pod["securityContext"]
        let container = pod["containers"].items.first?["securityContext"] ?? own
        let user = container["runAsUser"].exists ? container["runAsUser"] : own["runAsUser"]
        if let number = user.number, number > 0 {
            user.converted("kubernetes.user")
            draft.set(kubernetes: "user", .plain("\(number)"))
        } else {
            user.left("no program runs as root here: give the image a user, and name it in `kubernetes.user`")
        }
        let group = own["fsGroup"].exists ? own["fsGroup"] : own["runAsGroup"]
        if let number = group.number, number > 0 {
            for key in ["fsGroup", "runAsGroup"] where own[key].number == number {
                own[key].converted("kubernetes.group")
            }
            if number != user.number { draft.set(kubernetes: "group", .plain("\(number)")) }
        }
        for place in [own, container] {
            let root = place["runAsNonRoot"]
            if root.isTrue { root.converted("always so") } else { root.changed("no program runs as root here") }
            if place.at("seccompProfile", "type").text == "RuntimeDefault" {
                place["seccompProfile"].converted("always so")
            }
        }
        let escalation = container["allowPrivilegeEscalation"]
        if escalation.isTrue { escalation.changed("never here") } else { escalation.converted("always so") }
        if container.at("capabilities", "drop").texts.contains("ALL") {
            container.at("capabilities", "drop").converted("always so")
        }
        container.at("capabilities", "add").left("no program has any here")
        let isReadOnly = container["readOnlyRootFilesystem"]
        isReadOnly.converted("kubernetes.readOnly")
        if !isReadOnly.isTrue { draft.set(kubernetes: "readOnly", .plain("false")) }
        if !own["runAsNonRoot"].isTrue, !container["runAsNonRoot"].isTrue, user.number == nil {
            pod["containers"].items.first?["image"].changed(
                "image; its program must not run as root: say who in `kubernetes.user`")
        }
    }

    private func resources(_ resources: ImportedField, _ draft: inout ServiceDraft) {
        var keys: [ManifestPart.Key] = []
        for (key, read) in [("cpu", ImportedText.cpu), ("memory", ImportedText.size)] {
            var bounds = ["", ""]
            for (index, kind) in ["requests", "limits"].enumerated() {
                let field = resources[kind][key]
                guard let text = field.text else { continue }
                guard let value = read(text) else {
                    field.left("`\(text)` is no amount that is known here")
                    continue
                }
                field.converted("resources.\(key)")
                bounds[index] = value
            }
            // A cluster takes the limit for what is asked for, where only that is said.
            if bounds[0].isEmpty { bounds[0] = bounds[1] }
            guard bounds != ["", ""] else { continue }
            keys.append(ManifestPart.Key(key, .text(bounds[0] == bounds[1] ? bounds[0] : "\(bounds[0])..\(bounds[1])")))
        }
        if !keys.isEmpty { draft.set("resources", .map(keys)) }
    }

    // MARK: - The program

    private func ports(_ container: ImportedField, _ draft: inout ServiceDraft) {
        draft.ports = container["ports"].items.compactMap { item in
            item["containerPort"].number.map { (item["name"].text, $0) }
        }
        let services = objects.filter { object in
            let selector = object.spec["selector"].plainTexts
            return object.kind == "Service" && !selector.isEmpty && draft.matches(selector)
        }
        // The one that requests go to is the one that a Service leads to.
        let targets = services.flatMap { $0.spec["ports"].items }.compactMap { port -> Int? in
            let target = port["targetPort"].text ?? port["port"].text ?? ""
            return Int(target) ?? draft.ports.first { $0.name == target }?.number
        }
        draft.port = targets.first { target in draft.ports.first?.number == target } ?? targets.first
        for item in container["ports"].items {
            if let number = item["containerPort"].number, number == draft.port {
                item.converted("port")
            } else if draft.port == nil {
                item.left("no Service leads to it, and a service with a port has one: set `port`")
            } else if item["name"].text == "metrics" {
                item.converted("kubernetes.monitor")
            } else {
                item.left("a service has one port; one for metrics is named in `kubernetes.monitor`")
            }
        }
    }

    private func command(_ container: ImportedField, _ draft: inout ServiceDraft) {
        let (command, arguments) = (container["command"], container["args"])
        guard command.exists else {
            arguments.left(
                "they go to the image's own program: write that program and them as `command`, which stands for both")
            return
        }
        let known = draft.env
        let others = Set(draft.secrets.map(\.name) + container["env"].items.compactMap { $0["name"].text })
        var unknown: [String] = []
        let words = (command.texts + arguments.texts).map { word in
            ImportedText.filled(word) { name in
                if name == "SLIPWAY_INSTANCE_ID" { return "${instance.id}" }
                if name == "PORT", draft.port != nil { return "${service.port}" }
                if known.contains(where: { $0.name == name }) { return "${env.\(name)}" }
                if others.contains(name) { unknown.append(name) }
                return nil
            }
        }
        if let name = unknown.first {
            let why = "nothing puts `\(name)` into a command here: let the program read its variable, or a shell do it"
            if arguments.exists { arguments.left(why) } else { command.left(why) }
        }
        command.converted("command")
        arguments.converted("command")
        draft.set("command", .list(words.map { .text($0) }))
    }
}

extension ManifestPart.Node {
    /// A value as it is, numbers where Kubernetes has numbers.
    init(_ value: PlainYAML, key: String = "") {
        switch value {
        case .null: self = .plain("null")
        case .scalar(let text): self = key == "weight" ? .plain(text) : .text(text)
        case .list(let items): self = .list(items.map { ManifestPart.Node($0, key: key) })
        case .map(let entries):
            self = .map(entries.map { ManifestPart.Key($0.key, ManifestPart.Node($0.value, key: $0.key)) })
        }
    }
}
