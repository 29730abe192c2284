import Domain

/// Reads one channel of `notify:`.
struct NotifyReader {
    let name: String
    let tree: Tree

    /// Nil when it leads nowhere.
    func read() -> NotifySpec? {
        guard let (kind, value) = tree.first(of: NotifyShape.ways),
            let way = kind == "email" ? email(value) : webhook(value)
        else { return nil }
        let named = tree.texts("events").compactMap { NotifyKind(rawValue: $0) }
        let kinds = NotifyKind.allCases.filter { named.isEmpty || named.contains($0) }
        return NotifySpec(name: name, way: way, kinds: kinds)
    }

    private func webhook(_ tree: Tree) -> NotifyWay? {
        let address: WebhookAddress
        if let url = tree["url"]?.text {
            address = .url(url)
        } else if let source = secret("urlFrom", tree) {
            address = .secret(source)
        } else {
            return nil
        }
        return .webhook(
            WebhookSpec(
                address: address, secret: secret("secret", tree),
                format: tree["format"]?.text.flatMap { WebhookFormat(rawValue: $0) } ?? .json,
                timeout: tree.span("timeout", or: .seconds(10))))
    }

    private func email(_ tree: Tree) -> NotifyWay? {
        guard let server = tree["server"]?.text.flatMap({ TextForm.server($0) }), let from = tree["from"]?.text else {
            return nil
        }
        return .email(
            EmailSpec(
                host: server.host, port: server.port,
                tls: tree["tls"]?.text.flatMap { MailSecurity(rawValue: $0) } ?? .auto, from: from,
                to: tree.texts("to"), user: tree["user"]?.text, password: secret("password", tree),
                authorities: tree["authorities"]?.text, timeout: tree.span("timeout", or: .seconds(30))))
    }

    private func secret(_ key: String, _ tree: Tree) -> SecretSource? { tree[key]?.text.flatMap { SecretSource($0) } }
}
