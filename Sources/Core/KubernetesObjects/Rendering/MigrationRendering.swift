package import Domain

/// One attempt at a release's migration, as objects: a Job of its own name, and what its pod reads beside.
///
/// The Job is suspended, so that nothing of it runs until somebody says so, and never makes a second pod.
package struct MigrationRendering: Sendable {
    package var job: KubernetesObject
    /// The files of the release; nil without them. Belongs to the Job, and goes with it.
    package var configuration: KubernetesObject?

    /// Besides the time that the migration may take: images are pulled, and nodes made, meanwhile. When both are over
    /// the cluster ends it by itself, whoever is there to see.
    package static let startAllowance = Span.minutes(5)

    /// - Returns: nil for a release without a migration.
    package init?(_ rendering: ReleaseRendering, _ release: Release, _ key: MigrationKey) {
        guard let migration = release.parts.spec.migrate,
            var job = rendering.counted.first(where: { $0.kind == .job })
        else { return nil }
        job.name = Self.name(key)
        job.labels[ServiceRendering.releaseLabel] = release.number.description
        job.labels[Self.deploymentLabel] = String(key.deployment.value)
        job.labels[Self.attemptLabel] = String(key.attempt)
        let deadline = ObjectQuantity.seconds(migration.timeout + Self.startAllowance)
        let said: [(String, ObjectValue)] = [
            ("suspend", true), ("backoffLimit", 0), ("completions", 1), ("parallelism", 1),
            ("podReplacementPolicy", "Failed"),
            ("activeDeadlineSeconds", .number(deadline)),
        ]
        let name = job.name
        let marks = [Self.deploymentLabel, Self.attemptLabel].map { ObjectField($0, .text(job.labels[$0] ?? "")) }
        job.content = job.content.map { field in
            guard field.key == "spec" else { return field }
            var spec = field.value
            for (key, value) in said { spec[key] = value }
            for mark in marks { spec = spec.setting(["template", "metadata", "labels", mark.key], to: mark.value) }
            return ObjectField("spec", Self.pods(in: spec, of: name))
        }
        self.job = job
        configuration = rendering.own.first { $0.kind == .configMap }.map { map in
            var map = map
            map.name = job.name
            map.labels = job.labels
            return map
        }
        // Variables are in the Job itself: only files are read from elsewhere.
        if release.parts.spec.files.isEmpty { configuration = nil }
    }

    /// A pod's last lines are told with its end, because nothing else is left of a pod that was stopped; its files are
    /// the Job's own.
    private static func pods(in spec: ObjectValue, of name: String) -> ObjectValue {
        let path = ["template", "spec"]
        guard let pod = spec.at("template", "spec") else { return spec }
        let containers = (pod["containers"]?.items ?? []).map { container in
            container.setting("terminationMessagePolicy", to: "FallbackToLogsOnError")
        }
        var changed = spec.setting(path + ["containers"], to: .list(containers))
        if let volumes = pod["volumes"]?.items {
            let own = volumes.map { volume in
                volume["name"]?.text == PodRendering.filesVolume
                    ? volume.setting(["configMap", "name"], to: .text(name)) : volume
            }
            changed = changed.setting(path + ["volumes"], to: .list(own))
        }
        return changed
    }

    /// `api-migrate-37-1`: the service, the deployment, the attempt. The same key, the same name.
    package static func name(_ key: MigrationKey) -> String {
        let end = "-migrate-\(key.deployment.value)-\(key.attempt)"
        let whole = key.service.text + end
        let limit = ObjectKind.job.longestName
        guard whole.utf8.count > limit else { return whole }
        // Names of services are letters, digits and hyphens.
        let mark = "-" + ObjectDigest.text([key.service.text]).prefix(8)
        return key.service.text.prefix(limit - end.utf8.count - mark.utf8.count) + mark + end
    }

    /// What the pods of a release's migration lean on, beside what belongs to the namespace.
    package static let ground: Set<ObjectKind> = [
        .networkPolicy, .serviceAccount, .role, .roleBinding, .externalSecret, .claim,
    ]

    /// On the Job and its pods: the number of the deployment, and which attempt of it.
    package static let deploymentLabel = "slipway.dev/deployment"
    package static let attemptLabel = "slipway.dev/attempt"
}
