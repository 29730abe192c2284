/// The server in a cluster as a Helm chart: its image and how many there are, are values; the release says the
/// namespace.
package struct ServerChart: Hashable, Sendable {
    package var rendering: ServerRendering
    package var version: String

    package init(_ rendering: ServerRendering, version: String) {
        self.rendering = rendering
        self.version = version
    }

    /// What stands for something of Helm's in the objects, until they are text.
    private static let namespace = "slipway-release-namespace"
    private static let image = "slipway-values-image"
    private static let replicas = 2_147_483_629

    package func files() throws -> [PackagedFile] {
        var form = rendering
        form.namespace = Self.namespace
        form.image = Self.image
        form.replicas = Self.replicas
        // Helm makes neither the namespace of a release nor, a second time, definitions.
        let made: Set<ObjectKind> = [.namespace, .definition]
        let templates = try form.objects.filter { !made.contains($0.kind) }.map { object in
            PackagedFile(path: "templates/" + name(of: object), text: try template(object))
        }
        let chart: ObjectValue = [
            "apiVersion": "v2", "name": .text(ServerRendering.name), "type": "application", "version": .text(version),
            "appVersion": .text(version), "description": "Slipway's server in a cluster",
        ]
        let values: ObjectValue = ["image": .text(rendering.image), "replicas": .number(rendering.replicas)]
        return try [
            PackagedFile(path: "Chart.yaml", text: ObjectText.yaml(chart)),
            PackagedFile(path: "values.yaml", text: ObjectText.yaml(values)),
        ] + PackagedFile.objects(form.hasDefinitions ? ServerRendering.definitions : [], in: "crds/") + templates
    }

    private func name(of object: KubernetesObject) -> String {
        let file = PackagedFile.name(of: object)
        return object.namespace == nil || object.namespace == Self.namespace
            ? file : file.replacing(".yaml", with: "-\(object.namespace ?? "").yaml")
    }

    private func template(_ object: KubernetesObject) throws -> String {
        let text = try ObjectText.yaml(object.value)
            .replacing(Self.namespace, with: "{{ .Release.Namespace }}")
            .replacing(Self.image, with: "{{ .Values.image | quote }}")
            .replacing("\(Self.replicas)", with: "{{ .Values.replicas }}")
        guard object.kind == .disruptionBudget else { return text }
        return "{{- if gt (int .Values.replicas) 1 }}\n\(text){{- end }}\n"
    }
}
