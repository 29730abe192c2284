/// A file of a package, relative to its directory.
package struct PackagedFile: Hashable, Sendable {
    package var path: String
    package var text: String

    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    /// Objects, one file each: `deployment-api.yaml`.
    package static func objects(_ objects: [KubernetesObject], in directory: String) throws -> [PackagedFile] {
        try objects.map { object in
            PackagedFile(path: directory + name(of: object), text: try ObjectText.yaml(object.value))
        }
    }

    package static func name(of object: KubernetesObject) -> String {
        "\(object.kind.rawValue.lowercased())-\(object.name).yaml"
    }
}
