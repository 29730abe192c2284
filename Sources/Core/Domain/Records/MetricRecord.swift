extension MetricSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, source)
        writer.put(2, Array(query.utf8))
        if let pass { writer.put(3, pass.description) }
        if let fail { writer.put(4, fail.description) }
        writer.put(5, window)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var source: MetricSource?
        var query = ""
        var pass: MetricCondition?
        var fail: MetricCondition?
        var window = MetricSpec.standardWindow
        while let tag = try reader.next() {
            switch tag {
            case 1: source = try reader.record()
            case 2: query = try reader.text()
            case 3: pass = try reader.condition()
            case 4: fail = try reader.condition()
            case 5: window = try reader.span()
            case _: try reader.skip()
            }
        }
        // Without a condition everything would pass.
        guard let source, pass != nil || fail != nil else { throw .missing("metric") }
        self.init(source: source, query: query, pass: pass, fail: fail, window: window)
    }
}

extension RecordReader {
    fileprivate mutating func condition() throws(RecordError) -> MetricCondition {
        guard let condition = MetricCondition(try text()) else { throw .damaged }
        return condition
    }

    fileprivate mutating func secret() throws(RecordError) -> SecretSource {
        guard let secret = SecretSource(try text()) else { throw .damaged }
        return secret
    }
}

extension MetricSource: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name)
        switch way {
        case .prometheus(let spec):
            writer.put(2, spec.url)
            writer.put(3, spec.access)
            writer.put(4, spec.allowsPartial)
        case .web(let spec):
            writer.put(5, spec.url)
            writer.put(6, spec.access)
        case .command(let spec): writer.put(7, spec)
        case .csv(let path): writer.put(8, path)
        case .proxy: writer.put(9, true)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var name = ""
        var way: MetricWay?
        var access = WebAccess()
        var allowsPartial = false
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: way = .prometheus(PrometheusSpec(url: try reader.text()))
            case 3, 6: access = try reader.record()
            case 4: allowsPartial = try reader.bool()
            case 5: way = .web(WebSourceSpec(url: try reader.text()))
            case 7: way = .command(try reader.record())
            case 8: way = .csv(path: try reader.text())
            case 9: way = try reader.bool() ? .proxy : nil
            case _: try reader.skip()
            }
        }
        guard let way else { throw .missing("source of numbers") }
        switch way {
        case .prometheus(let spec):
            self.init(
                name: name,
                way: .prometheus(PrometheusSpec(url: spec.url, access: access, allowsPartial: allowsPartial)))
        case .web(let spec): self.init(name: name, way: .web(WebSourceSpec(url: spec.url, access: access)))
        case .command, .csv, .proxy: self.init(name: name, way: way)
        }
    }
}

extension WebAccess: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        switch credentials {
        case .none: break
        case .bearer(let secret): writer.put(1, secret.description)
        case .basic(let user, let password):
            writer.put(2, user)
            writer.put(3, password.description)
        }
        if let certificate {
            writer.put(4, certificate.chain)
            writer.put(5, certificate.key)
        }
        if let authorities { writer.put(6, authorities) }
        writer.put(7, headers)
        writer.put(8, timeout)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        var user = ""
        var chain: String?
        while let tag = try reader.next() {
            switch tag {
            case 1: credentials = .bearer(try reader.secret())
            case 2: user = try reader.text()
            case 3: credentials = .basic(user: user, password: try reader.secret())
            case 4: chain = try reader.text()
            case 5: certificate = ClientCertificate(chain: chain ?? "", key: try reader.text())
            case 6: authorities = try reader.text()
            case 7: headers.append(try reader.record())
            case 8: timeout = try reader.span()
            case _: try reader.skip()
            }
        }
    }
}
