import FoundationEssentials
import KubernetesObjects

/// What a container's program is started with.
struct PodSetting: Sendable {
    var words: [String]
    var environment: [String]
}

extension Cluster {
    /// - Parameters:
    ///   - folder: of the pod's own, for volumes.
    ///   - address: of the pod.
    func setting(
        _ pod: ObjectValue, _ program: [String], _ folder: String, address: String, _ kubeconfig: String
    ) throws(PodPrograms.Trouble) -> PodSetting {
        let container = pod.at("spec", "containers")?.items.first ?? [:]
        let namespace = pod.at("metadata", "namespace")?.text ?? ""
        var names: [String] = []
        var values: [String: String] = [:]
        func set(_ name: String, _ value: String) {
            if values[name] == nil { names.append(name) }
            values[name] = value
        }
        set("PATH", "/usr/local/bin:/usr/bin:/bin")
        set("HOME", folder)
        set("POD_IP", address)
        if !kubeconfig.isEmpty { set("KUBECONFIG", kubeconfig) }
        for source in container["envFrom"]?.items ?? [] {
            let data = try data(source.at("configMapRef"), source.at("secretRef"), namespace)
            for field in data { set((source["prefix"]?.text ?? "") + field.key, field.value) }
        }
        for variable in container["env"]?.items ?? [] {
            guard let name = variable["name"]?.text else { continue }
            if let source = variable["valueFrom"] {
                if let value = try value(source, of: pod, address, namespace) { set(name, value) }
            } else {
                set(name, Self.expanded(variable["value"]?.text ?? "", values))
            }
        }
        let mounts = try mounts(pod, container, folder, namespace)
        func placed(_ text: String) -> String {
            mounts.reduce(text) { $0.replacing($1.path, with: $1.folder) }
        }
        let command = (container["command"]?.items ?? []).dropFirst() + (container["args"]?.items ?? [])
        return PodSetting(
            words: program + command.map { placed(Self.expanded($0.text ?? "", values)) },
            environment: names.map { "\($0)=\(placed(values[$0] ?? ""))" })
    }

    /// `$(NAME)` of a variable that is set. Source: kubernetes.io, *Define Dependent Environment Variables*.
    private static func expanded(_ text: String, _ values: [String: String]) -> String {
        values.reduce(text) { $0.replacing("$(\($1.key))", with: $1.value) }
    }

    private func data(
        _ map: ObjectValue?, _ secret: ObjectValue?, _ namespace: String
    ) throws(PodPrograms.Trouble) -> [(key: String, value: String)] {
        let reference = map ?? secret ?? [:]
        let name = reference["name"]?.text ?? ""
        guard let found = object(map == nil ? .secrets : .configMaps, namespace, name) else {
            if reference["optional"] == true { return [] }
            throw PodPrograms.Trouble(description: "\(map == nil ? "secret" : "configmap") \"\(name)\" not found")
        }
        return (found["data"]?.fields ?? []).map { field in
            let text = field.value.text ?? ""
            guard map == nil else { return (field.key, text) }
            return (field.key, String(decoding: Data(base64Encoded: text) ?? Data(), as: UTF8.self))
        }
    }

    private func value(
        _ source: ObjectValue, of pod: ObjectValue, _ address: String, _ namespace: String
    ) throws(PodPrograms.Trouble) -> String? {
        if let path = source.at("fieldRef", "fieldPath")?.text {
            switch path {
            case "metadata.name": return pod.at("metadata", "name")?.text
            case "metadata.namespace": return namespace
            case "metadata.uid": return pod.at("metadata", "uid")?.text
            case "status.podIP": return address
            case "status.hostIP": return "192.0.2.1"
            case "spec.nodeName": return pod.at("spec", "nodeName")?.text
            case "spec.serviceAccountName": return pod.at("spec", "serviceAccountName")?.text
            case _ where path.hasPrefix("metadata.labels['"):
                return pod.at("metadata", "labels", String(path.dropFirst(17).dropLast(2)))?.text ?? ""
            case _: throw PodPrograms.Trouble(description: "the double knows no field \(path)")
            }
        }
        let (map, secret) = (source["configMapKeyRef"], source["secretKeyRef"])
        guard let key = (map ?? secret)?["key"]?.text else {
            throw PodPrograms.Trouble(description: "the double knows no such source of a variable")
        }
        if let found = try data(map, secret, namespace).first(where: { $0.key == key }) { return found.value }
        if (map ?? secret)?["optional"] == true { return nil }
        throw PodPrograms.Trouble(description: "couldn't find key \(key)")
    }

    /// The folders that stand for the container's mounts. The longest paths first.
    private func mounts(
        _ pod: ObjectValue, _ container: ObjectValue, _ folder: String, _ namespace: String
    ) throws(PodPrograms.Trouble) -> [(path: String, folder: String)] {
        var found: [(path: String, folder: String)] = []
        for mount in container["volumeMounts"]?.items ?? [] {
            guard let path = mount["mountPath"]?.text, let name = mount["name"]?.text else { continue }
            let volume = pod.at("spec", "volumes")?.items.first { $0["name"]?.text == name } ?? [:]
            let place = "\(folder)/\(name)"
            do {
                try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                let map = volume["configMap"]
                let secret = volume["secret"].map { $0.setting("name", to: $0["secretName"] ?? "") }
                if map != nil || secret != nil {
                    for file in try data(map, secret, namespace) {
                        try Data(file.value.utf8).write(to: URL(filePath: "\(place)/\(file.key)"))
                    }
                }
            } catch let trouble as PodPrograms.Trouble {
                throw trouble
            } catch {
                throw PodPrograms.Trouble(description: "volume \(name): \(error)")
            }
            found.append((path, place))
        }
        return found.sorted { $0.path.count > $1.path.count }
    }
}
