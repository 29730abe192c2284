import Domain

/// Reads one source of metrics.
struct SourceReader {
    let name: String
    let tree: Tree

    /// Nil when it leads nowhere.
    func read() -> MetricSource? {
        guard let (kind, value) = tree.first(of: SourceShape.ways), let way = way(kind, value) else { return nil }
        return MetricSource(name: name, way: way)
    }

    private func way(_ kind: String, _ value: Tree) -> MetricWay? {
        switch kind {
        case "prometheus":
            value["url"]?.text.map {
                .prometheus(
                    PrometheusSpec(
                        url: $0, access: access(value), allowsPartial: value.boolean("allowPartial", or: false)))
            }
        case "web": value["url"]?.text.map { .web(WebSourceSpec(url: $0, access: access(value))) }
        case "command":
            .command(CommandSpec(command: value.items.compactMap(\.text), env: tree.variables("env")))
        default: value.text.map { .csv(path: $0) }
        }
    }

    private func access(_ tree: Tree) -> WebAccess {
        var access = WebAccess(
            authorities: tree["authorities"]?.text, headers: tree.variables("headers"),
            timeout: tree.span("timeout", or: WebAccess().timeout))
        if let token = secret("bearer", tree) {
            access.credentials = .bearer(token)
        } else if let user = tree["user"]?.text, let password = secret("password", tree) {
            access.credentials = .basic(user: user, password: password)
        }
        if let chain = tree["certificate"]?.text, let key = tree["key"]?.text {
            access.certificate = ClientCertificate(chain: chain, key: key)
        }
        return access
    }

    private func secret(_ key: String, _ tree: Tree) -> SecretSource? { tree[key]?.text.flatMap { SecretSource($0) } }
}
