/// A gate that another system answers.
package struct WebhookSpec: Hashable, Sendable, Codable {
    /// `http://` or `https://`.
    package var url: String
    /// Signs what is sent. Read when a look is taken; its value is in no record.
    package var secret: SecretSource

    package init(url: String, secret: SecretSource) {
        self.url = url
        self.secret = secret
    }
}

/// Where a secret's value is found on this machine.
package enum SecretSource: Hashable, Sendable, Codable {
    /// A variable of the supervisor.
    case env(String)
    /// A file; white space at its end does not count.
    case file(String)
}

extension WebhookSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, url)
        switch secret {
        case .env(let name): writer.put(2, name)
        case .file(let path): writer.put(3, path)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var url: String?
        var secret: SecretSource?
        while let tag = try reader.next() {
            switch tag {
            case 1: url = try reader.text()
            case 2: secret = .env(try reader.text())
            case 3: secret = .file(try reader.text())
            case _: try reader.skip()
            }
        }
        guard let url, let secret else { throw .missing("webhook") }
        self.init(url: url, secret: secret)
    }
}
