/// A channel as an environment keeps it.
package struct NotifyChannel: Hashable, Sendable {
    package var spec: NotifySpec
    /// Milliseconds since 1970: what happened before is not told.
    package var since: Int64

    package init(spec: NotifySpec, since: Int64) {
        self.spec = spec
        self.since = since
    }
}

extension NotifyChannel: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, spec.name)
        writer.put(2, since)
        for kind in spec.kinds { writer.put(3, kind.rawValue) }
        switch spec.way {
        case .webhook(let webhook):
            switch webhook.address {
            case .url(let url): writer.put(10, url)
            case .secret(let source): writer.put(11, source.description)
            }
            if let secret = webhook.secret { writer.put(12, secret.description) }
            writer.put(13, webhook.format.rawValue)
            writer.put(14, webhook.timeout)
        case .email(let email):
            writer.put(20, email.host)
            writer.put(21, email.port)
            writer.put(22, email.tls.rawValue)
            writer.put(23, email.from)
            for address in email.to { writer.put(24, address) }
            if let user = email.user { writer.put(25, user) }
            if let password = email.password { writer.put(26, password.description) }
            if let authorities = email.authorities { writer.put(27, authorities) }
            writer.put(28, email.timeout)
        case .hook(let hook):
            writer.put(50, hook.name)
            writer.put(51, hook.at.rawValue)
            for word in hook.command { writer.put(52, Array(word.utf8)) }
            for variable in hook.env { writer.put(53, "\(variable.name)=\(variable.value)") }
            writer.put(54, hook.timeout)
            writer.put(55, hook.isAdvisory)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var name = ""
        var since: Int64 = 0
        var kinds: [NotifyKind] = []
        var webhook = WebhookSpec(address: .url(""))
        var email = EmailSpec(host: "", port: 0, from: "", to: [])
        var hook: HookSpec?
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: since = try reader.int64()
            // A later version may know more kinds.
            case 3: if let kind = NotifyKind(rawValue: try reader.text()) { kinds.append(kind) }
            case 10: webhook.address = .url(try reader.text())
            case 11:
                guard let source = SecretSource(try reader.text()) else { throw .missing("address of \(name)") }
                webhook.address = .secret(source)
            case 12: webhook.secret = SecretSource(try reader.text())
            case 13: webhook.format = WebhookFormat(rawValue: try reader.text()) ?? .json
            case 14: webhook.timeout = try reader.span()
            case 20: email.host = try reader.text()
            case 21: email.port = try reader.int()
            case 22: email.tls = MailSecurity(rawValue: try reader.text()) ?? .starttls
            case 23: email.from = try reader.text()
            case 24: email.to.append(try reader.text())
            case 25: email.user = try reader.text()
            case 26: email.password = SecretSource(try reader.text())
            case 27: email.authorities = try reader.text()
            case 28: email.timeout = try reader.span()
            case 50: hook = HookSpec(name: try reader.text(), at: .afterDeploy, command: [])
            case 51: hook?.at = HookPoint(rawValue: try reader.text()) ?? .afterDeploy
            case 52: hook?.command.append(String(decoding: try reader.data(), as: UTF8.self))
            case 53:
                let parts = try reader.text().split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                hook?.env.append(Variable(name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : ""))
            case 54: hook?.timeout = try reader.span()
            case 55: hook?.isAdvisory = try reader.bool()
            case _: try reader.skip()
            }
        }
        let way: NotifyWay =
            hook.map { .hook($0) } ?? (email.host.isEmpty ? .webhook(webhook) : .email(email))
        self.init(spec: NotifySpec(name: name, way: way, kinds: kinds), since: since)
    }
}

/// How far a channel has been told: the cursor of the outbox.
package struct DeliveryRecord: Hashable, Sendable, RecordCodable {
    package static let version: UInt8 = 1

    /// Of the channel that it is about: one that was taken out and came back begins anew.
    package var since: Int64
    /// The last event that was delivered, or given up.
    package var cursor: Int64
    /// Given up since the last one that arrived.
    package var lost: Int
    /// Why the last one was given up, and when (milliseconds since 1970).
    package var trouble: String
    package var troubleAt: Int64

    package init(since: Int64, cursor: Int64, lost: Int = 0, trouble: String = "", troubleAt: Int64 = 0) {
        self.since = since
        self.cursor = cursor
        self.lost = lost
        self.trouble = trouble
        self.troubleAt = troubleAt
    }

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, since)
        writer.put(2, cursor)
        writer.put(3, lost)
        writer.put(4, trouble)
        writer.put(5, troubleAt)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(since: 0, cursor: 0)
        while let tag = try reader.next() {
            switch tag {
            case 1: since = try reader.int64()
            case 2: cursor = try reader.int64()
            case 3: lost = try reader.int()
            case 4: trouble = try reader.text()
            case 5: troubleAt = try reader.int64()
            case _: try reader.skip()
            }
        }
    }
}
