import Domain

/// The pods of a service: the workload, what it is configured by, and the jobs that run in the same surroundings.
struct PodRendering {
    let service: ServiceRendering
    let image: String
    let settings: PodSettings

    private var spec: ServiceSpec { service.spec }
    private var extras: KubernetesSpec { service.extras }

    // MARK: - The workload

    var deployment: KubernetesObject {
        let content: ObjectValue = [
            "replicas": hasOwnCount && spec.replicas != 1 ? .number(spec.replicas) : nil,
            "selector": ["matchLabels": ServiceRendering.map(service.workloadSelector)],
            "strategy": replacement,
            "minReadySeconds": seconds(service.plan.strategy.minReady, unless: 0),
            "progressDeadlineSeconds": seconds(service.plan.strategy.progressDeadline, unless: 600),
            "template": template(podSpec(container: main)),
        ]
        return service.object(
            .deployment, name: service.workloadName, labels: service.workloadLabels, [ObjectField("spec", content)])
    }

    /// Whether the workload says how many pods there are, rather than an autoscaler.
    private var hasOwnCount: Bool { spec.scale == nil }

    /// How pods are replaced in place; nil where it is as the cluster does it by itself.
    private var replacement: ObjectValue? {
        switch service.plan.strategy.kind {
        case .recreate: return ["type": "Recreate"]
        case .rolling(let rolling):
            let standard = Amount.percent(25)
            let surge = rolling.maxSurge == standard ? nil : amount(rolling.maxSurge)
            let missing = rolling.maxUnavailable == standard ? nil : amount(rolling.maxUnavailable)
            guard surge != nil || missing != nil else { return nil }
            return ["rollingUpdate": ["maxSurge": surge, "maxUnavailable": missing]]
        case .blueGreen, .canary: return nil
        }
    }

    private func amount(_ amount: Amount) -> ObjectValue { ServiceRendering.amount(amount) }

    private func seconds(_ span: Span, unless standard: Int64) -> ObjectValue? {
        let seconds = ObjectQuantity.seconds(span)
        return seconds == standard ? nil : .number(seconds)
    }

    // MARK: - Configuration

    /// The variables and files that are the same for all pods. A release's own cannot be changed any more.
    var configuration: KubernetesObject? {
        guard !settings.configured.isEmpty || !settings.files.isEmpty else { return nil }
        var data = settings.configured.map { ObjectField($0.name, .text($0.value)) }
        data += settings.files.map { ObjectField(Self.fileKey($0.name), .text($0.value)) }
        var content = [ObjectField("data", .map(data))]
        if service.release != nil { content.insert(ObjectField("immutable", true), at: 0) }
        return service.object(.configMap, name: service.workloadName, labels: service.workloadLabels, content)
    }

    /// Variables cannot contain a dot, so a file's key never meets one.
    private static func fileKey(_ name: String) -> String { "files." + name.replacing("/", with: "..") }

    /// Pods are replaced when what they read changes: the mark of it is on the pod.
    private var checksum: String {
        let parts = settings.configured + settings.files
        return ObjectDigest.text(parts.flatMap { [$0.name, $0.value] })
    }

    // MARK: - Pods

    private func template(_ pod: ObjectValue) -> ObjectValue {
        var labels = service.workloadLabels
        labels[ServiceRendering.serviceLabel] = service.name
        for label in extras.labels { labels[label.name] = label.value }
        labels.merge(service.workloadSelector) { $1 }
        var annotations = ServiceRendering.dictionary(extras.annotations)
        if configuration != nil { annotations["slipway.dev/configuration"] = checksum }
        return [
            "metadata": [
                "labels": ServiceRendering.map(labels), "annotations": ServiceRendering.map(annotations).unlessEmpty,
            ],
            "spec": pod,
        ]
    }

    private func podSpec(container: ObjectValue, isJob: Bool = false, hasAccount: Bool = true) -> ObjectValue {
        let security = extras.security
        let place = extras.placement
        return [
            "serviceAccountName": hasAccount ? .text(service.name) : nil,
            "automountServiceAccountToken": extras.account.permissions.isEmpty ? false : nil,
            "priorityClassName": place.priorityClass.map { .text($0) },
            "restartPolicy": isJob ? "Never" : nil,
            "terminationGracePeriodSeconds": isJob ? nil : grace,
            "securityContext": [
                "runAsNonRoot": true, "runAsUser": security.user.map { .number($0) },
                "runAsGroup": (security.group ?? security.user).map { .number($0) },
                "fsGroup": (security.group ?? security.user).map { .number($0) },
                "seccompProfile": ["type": "RuntimeDefault"],
            ],
            "imagePullSecrets": ObjectValue.list(service.cluster.pullSecrets.map { ["name": .text($0)] }).unlessEmpty,
            "containers": [container],
            "nodeSelector": .names(place.nodes),
            "tolerations": ObjectValue.list(place.tolerations.map { toleration($0) }).unlessEmpty,
            "topologySpreadConstraints": isJob ? nil : ObjectValue.list(spreads.map { spread($0) }).unlessEmpty,
            "affinity": place.affinity.flatMap { JSONValue(parsing: $0.utf8) }.map { ObjectValue($0) },
            "volumes": ObjectValue.list(volumes).unlessEmpty,
        ]
    }

    /// First the pod gets no new requests, then those in flight may end, then it is told to stop.
    private var grace: ObjectValue? {
        seconds((spec.isRouted ? spec.drain : .zero) + spec.stop.timeout, unless: 30)
    }

    private func toleration(_ toleration: TolerationSpec) -> ObjectValue {
        [
            "key": toleration.key.map { .text($0) }, "operator": toleration.value == nil ? "Exists" : nil,
            "value": toleration.value.map { .text($0) }, "effect": toleration.effect.map { .text($0) },
            "tolerationSeconds": toleration.seconds.map { .number($0) },
        ]
    }

    private var spreads: [SpreadSpec] {
        extras.placement.spread
            ?? ((spec.scale?.max ?? spec.replicas) > 1 ? [SpreadSpec(key: SpreadSpec.host)] : [])
    }

    private func spread(_ spread: SpreadSpec) -> ObjectValue {
        [
            "maxSkew": .number(spread.skew), "topologyKey": .text(spread.key),
            "whenUnsatisfiable": spread.isRequired ? "DoNotSchedule" : "ScheduleAnyway",
            "labelSelector": ["matchLabels": ServiceRendering.map(service.workloadSelector)],
        ]
    }

    // MARK: - Containers

    private var main: ObjectValue {
        var ports: [ObjectValue] = []
        if let port = spec.port { ports.append(["name": "http", "containerPort": .number(port)]) }
        if let port = extras.monitor?.port, port != spec.port {
            ports.append(["name": "metrics", "containerPort": .number(port)])
        }
        var container = container(command: settings.command)
        container["ports"] = ObjectValue.list(ports).unlessEmpty
        container["startupProbe"] = settings.probes.startup.map { probe($0, isStartup: true) }
        container["readinessProbe"] = readiness
        container["livenessProbe"] = settings.probes.liveness.map { probe($0) }
        if spec.isRouted, spec.drain > .zero {
            container["lifecycle"] = ["preStop": ["sleep": ["seconds": .number(ObjectQuantity.seconds(spec.drain))]]]
        }
        return container
    }

    /// The image with a command and everything that the service's program sees.
    ///
    /// - Parameter isAlone: whether it is run before the ConfigMap is there.
    private func container(command: [String], more: [Variable] = [], isAlone: Bool = false) -> ObjectValue {
        let own = (isAlone ? settings.configured : []) + settings.ofInstance + more
        var env: [ObjectValue] = [
            [
                "name": "SLIPWAY_INSTANCE_ID",
                "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]],
            ]
        ]
        env += own.map { ["name": .text($0.name), "value": .text($0.value)] }
        env += extras.secrets.map { secret in
            [
                "name": .text(secret.variable),
                "valueFrom": ["secretKeyRef": ["name": .text(secret.secret), "key": .text(secret.key)]],
            ]
        }
        let reference: ObjectValue = ["configMapRef": ["name": .text(service.workloadName)]]
        return [
            "name": .text(service.name), "image": .text(image),
            "command": ObjectValue.texts(command).unlessEmpty,
            "envFrom": settings.configured.isEmpty || isAlone ? nil : [reference],
            "env": .list(env), "resources": resources.unlessEmpty,
            "securityContext": [
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": extras.security.isReadOnly ? true : nil,
                "capabilities": ["drop": ["ALL"]],
            ],
            "volumeMounts": ObjectValue.list(mounts).unlessEmpty,
        ]
    }

    private var resources: ObjectValue {
        let resources = spec.resources
        let requests: ObjectValue = [
            "cpu": resources.cpuRequest > 0 ? .text(ObjectQuantity.cpu(resources.cpuRequest)) : nil,
            "memory": resources.memoryRequest > 0 ? .text(ObjectQuantity.bytes(resources.memoryRequest)) : nil,
        ]
        let limits: ObjectValue = [
            "cpu": resources.cpuLimit > 0 ? .text(ObjectQuantity.cpu(resources.cpuLimit)) : nil,
            "memory": resources.memoryLimit > 0 ? .text(ObjectQuantity.bytes(resources.memoryLimit)) : nil,
        ]
        return ["requests": requests.unlessEmpty, "limits": limits.unlessEmpty]
    }

    /// Without one, an open port counts as ready, as on a machine.
    private var readiness: ObjectValue? {
        if let readiness = settings.probes.readiness { return probe(readiness) }
        return spec.isRouted ? ["tcpSocket": ["port": "http"], "periodSeconds": 2] : nil
    }

    private func probe(_ probe: Probe, isStartup: Bool = false) -> ObjectValue {
        let every = Swift.max(1, ObjectQuantity.seconds(probe.every))
        let timeout = Swift.max(1, ObjectQuantity.seconds(probe.timeout))
        // Until the deadline, a program that starts may fail.
        let failures =
            isStartup
            ? Swift.max(1, (ObjectQuantity.seconds(probe.deadline) + every - 1) / every) : Int64(probe.failures)
        var value: ObjectValue
        switch probe.check {
        case .http(let path):
            value = ["httpGet": ["path": path == "/" ? nil : .text(path), "port": "http"]]
        case .tcp: value = ["tcpSocket": ["port": "http"]]
        case .command(let words): value = ["exec": ["command": .texts(words)]]
        }
        if every != 10 { value["periodSeconds"] = .number(every) }
        if timeout != 1 { value["timeoutSeconds"] = .number(timeout) }
        if failures != 3 { value["failureThreshold"] = .number(failures) }
        if probe.successes != 1, !isStartup { value["successThreshold"] = .number(probe.successes) }
        return value
    }

    // MARK: - Volumes

    /// Where the rendered `files` come from.
    static let filesVolume = "slipway-files"

    private var volumes: [ObjectValue] {
        var volumes: [ObjectValue] = []
        if !settings.files.isEmpty {
            let items = settings.files.map { file -> ObjectValue in
                ["key": .text(Self.fileKey(file.name)), "path": .text(file.name)]
            }
            volumes.append([
                "name": .text(Self.filesVolume),
                "configMap": ["name": .text(service.workloadName), "items": .list(items)],
            ])
        }
        volumes += extras.volumes.map { volume in
            var value: ObjectValue = ["name": .text(volume.name)]
            switch volume.source {
            case .claim:
                value["persistentVolumeClaim"] = ["claimName": .text(service.claimName(volume))]
            case .existing(let claim): value["persistentVolumeClaim"] = ["claimName": .text(claim)]
            case .secret(let secret): value["secret"] = ["secretName": .text(secret)]
            case .configMap(let name): value["configMap"] = ["name": .text(name)]
            case .empty(let limit, let inMemory): value["emptyDir"] = Self.empty(limit, inMemory)
            }
            return value
        }
        for index in extras.security.writable.indices {
            volumes.append(["name": .text("writable-\(index)"), "emptyDir": [:]])
        }
        return volumes
    }

    private static func empty(_ limit: Int64, _ inMemory: Bool) -> ObjectValue {
        [
            "medium": inMemory ? "Memory" : nil,
            "sizeLimit": limit > 0 ? .text(ObjectQuantity.bytes(limit)) : nil,
        ]
    }

    private var mounts: [ObjectValue] {
        var mounts: [ObjectValue] = []
        if !settings.files.isEmpty {
            mounts.append([
                "name": .text(Self.filesVolume), "mountPath": .text(PodVariables.filesDirectory), "readOnly": true,
            ])
        }
        mounts += extras.volumes.map { volume in
            [
                "name": .text(volume.name), "mountPath": .text(volume.path),
                "readOnly": volume.isReadOnly ? true : nil,
            ]
        }
        for (index, path) in extras.security.writable.enumerated() {
            mounts.append(["name": .text("writable-\(index)"), "mountPath": .text(path)])
        }
        return mounts
    }

    // MARK: - Jobs

    /// The migration. Its name is of all that it says, because a Job cannot be changed: what would run something else
    /// is another one. It is tried again after a failure, as what it migrates may come at the same time.
    func migration(_ migration: MigrationSpec, _ troubles: inout [RenderingRemark]) -> KubernetesObject? {
        let mark = [(name: "schema", value: migration.schema)]
        let command = PodVariables.command(
            migration.command, settings, of: service, "migrate.command", more: mark, &troubles)
        let env = migration.env.map { variable in
            let words = PodVariables.command(
                [variable.value], settings, of: service, "migrate.env.\(variable.name)", more: mark, &troubles)
            return Variable(name: variable.name, value: words[0])
        }
        let container = container(command: command, more: env, isAlone: true)
        let content: ObjectValue = [
            "activeDeadlineSeconds": .number(ObjectQuantity.seconds(migration.timeout)),
            "template": jobTemplate(container, part: "migration", hasAccount: !extras.account.permissions.isEmpty),
        ]
        let digest = ObjectDigest.text([migration.schema, ObjectText.json(content)]).prefix(8)
        return service.object(.job, name: "\(service.name)-migrate-\(digest)", [ObjectField("spec", content)])
    }

    /// Pods of jobs are no pods of the service: no request may reach them.
    private func jobTemplate(_ container: ObjectValue, part: String, hasAccount: Bool = true) -> ObjectValue {
        var labels = service.labels
        labels["app.kubernetes.io/name"] = "\(service.name)-\(part)"
        labels[ServiceRendering.serviceLabel] = service.name
        return [
            "metadata": ["labels": ServiceRendering.map(labels)],
            "spec": podSpec(container: container, isJob: true, hasAccount: hasAccount),
        ]
    }

    var crons: [KubernetesObject] {
        zip(extras.crons, settings.cronCommands).map { cron, command in
            let job: ObjectValue = [
                "activeDeadlineSeconds": .number(ObjectQuantity.seconds(cron.deadline)),
                "backoffLimit": cron.retries == 6 ? nil : .number(cron.retries),
                "template": jobTemplate(container(command: command), part: cron.name),
            ]
            let content: ObjectValue = [
                "schedule": .text(cron.schedule), "timeZone": cron.zone.map { .text($0) },
                "concurrencyPolicy": cron.overlap == .allow ? nil : .text(cron.overlap.rawValue),
                "jobTemplate": ["spec": job],
            ]
            return service.object(.cronJob, name: "\(service.name)-\(cron.name)", [ObjectField("spec", content)])
        }
    }

    var jobSets: [KubernetesObject] {
        zip(extras.jobs, settings.jobCommands).map { set, command in
            let job: ObjectValue = [
                "parallelism": set.pods == 1 ? nil : .number(set.pods),
                "completions": set.pods == 1 ? nil : .number(set.pods), "backoffLimit": 0,
                "template": jobTemplate(container(command: command), part: set.name),
            ]
            let content: ObjectValue = [
                "replicatedJobs": [
                    [
                        "name": .text(set.name), "replicas": set.replicas == 1 ? nil : .number(set.replicas),
                        "template": ["spec": job],
                    ]
                ],
                "failurePolicy": set.restarts > 0 ? ["maxRestarts": .number(set.restarts)] : nil,
            ]
            return service.object(.jobSet, name: "\(service.name)-\(set.name)", [ObjectField("spec", content)])
        }
    }
}
