extension LoadSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, path)
        writer.put(2, headers)
        writer.put(3, perSecond)
        writer.put(4, connections)
        writer.put(5, duration)
        writer.put(6, through.rawValue)
        writer.put(7, limits)
        writer.put(8, flows)
        if let ramp { writer.put(9, ramp) }
        for threshold in thresholds { writer.put(10, threshold.description) }
        if let seed { writer.put(11, seed) }
        writer.put(12, answerWithin)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(path: "/", limits: ThresholdSpec())
        while let tag = try reader.next() {
            switch tag {
            case 1: path = try reader.text()
            case 2: headers.append(try reader.record())
            case 3: perSecond = try reader.int()
            case 4: connections = try reader.int()
            case 5: duration = try reader.span()
            case 6:
                guard let value = LoadWay(rawValue: try reader.text()) else { throw .damaged }
                through = value
            case 7: limits = try reader.record()
            case 8: flows.append(try reader.record())
            case 9: ramp = try reader.record()
            case 10:
                guard let value = LoadThreshold(parsing: try reader.text()) else { throw .damaged }
                thresholds.append(value)
            case 11: seed = try reader.int()
            case 12: answerWithin = try reader.span()
            case _: try reader.skip()
            }
        }
    }
}

extension FlowSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name)
        writer.put(2, weight)
        if let think {
            writer.put(3, think.shortest)
            writer.put(4, think.longest)
        }
        writer.put(5, steps)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(name: "", steps: [])
        var shortest = Span.zero
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: weight = try reader.int()
            case 3: shortest = try reader.span()
            case 4: think = ThinkSpan(shortest, try reader.span())
            case 5: steps.append(try reader.record())
            case _: try reader.skip()
            }
        }
    }
}

extension FlowStep: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name)
        writer.put(2, method)
        writer.put(3, path)
        writer.put(4, headers)
        // An empty body is another thing than none.
        if let body { writer.put(5, Array(body.utf8)) }
        if let status { writer.put(6, status) }
        writer.put(7, capture)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(name: "", path: "/")
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: method = try reader.text()
            case 3: path = try reader.text()
            case 4: headers.append(try reader.record())
            case 5: body = String(decoding: try reader.data(), as: UTF8.self)
            case 6: status = try reader.int()
            case 7: capture.append(try reader.record())
            case _: try reader.skip()
            }
        }
    }
}

extension CaptureSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name)
        switch source {
        case .json(let path): writer.put(2, path)
        case .header(let name): writer.put(3, name)
        case .regex(let pattern): writer.put(4, pattern)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var name = ""
        // The empty path, which is not written, is the whole answer.
        var source = CaptureSource.json("")
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: source = .json(try reader.text())
            case 3: source = .header(try reader.text())
            case 4: source = .regex(try reader.text())
            case _: try reader.skip()
            }
        }
        self.init(name: name, source: source)
    }
}

extension LoadProfile: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, unit.rawValue)
        for stage in stages {
            writer.put(2, stage.from)
            writer.put(3, stage.to)
            writer.put(4, stage.span)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(unit: .rate, stages: [])
        var stage = Stage(from: 0, to: 0, span: .zero)
        while let tag = try reader.next() {
            switch tag {
            case 1:
                guard let value = Unit(rawValue: try reader.text()) else { throw .damaged }
                unit = value
            case 2: stage.from = try reader.int()
            case 3: stage.to = try reader.int()
            case 4:
                stage.span = try reader.span()
                stages.append(stage)
            case _: try reader.skip()
            }
        }
    }
}

extension EvidenceLoad: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, perSecond)
        writer.put(2, requests)
        if let span { writer.put(3, span) }
        writer.put(4, headers)
        writer.put(5, flows)
        writer.put(6, answerWithin)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(requests: 0, flows: [])
        while let tag = try reader.next() {
            switch tag {
            case 1: perSecond = try reader.int()
            case 2: requests = try reader.int()
            case 3: span = try reader.span()
            case 4: headers.append(try reader.record())
            case 5: flows.append(try reader.record())
            case 6: answerWithin = try reader.span()
            case _: try reader.skip()
            }
        }
    }
}
