/// A gate that another system answers.
package struct WebhookGateSpec: Hashable, Sendable, Codable {
    /// `http://` or `https://`.
    package var url: String
    /// Signs what is sent. Read when a look is taken; its value is in no record.
    package var secret: SecretSource

    package init(url: String, secret: SecretSource) {
        self.url = url
        self.secret = secret
    }
}

extension WebhookGateSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, url)
        switch secret {
        case .variable(let name): writer.put(2, name)
        case .file(let path): writer.put(3, path)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var url: String?
        var secret: SecretSource?
        while let tag = try reader.next() {
            switch tag {
            case 1: url = try reader.text()
            case 2: secret = .variable(try reader.text())
            case 3: secret = .file(try reader.text())
            case _: try reader.skip()
            }
        }
        guard let url, let secret else { throw .missing("webhook") }
        self.init(url: url, secret: secret)
    }
}
