extension GateSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name.text)
        switch question {
        case .health: writer.put(2, true)
        case .threshold(let spec): writer.put(3, spec)
        case .smoke(let spec): writer.put(4, spec)
        case .command(let spec): writer.put(5, spec)
        case .approval(let spec): writer.put(7, spec)
        case .webhook(let spec): writer.put(8, spec)
        case .load(let spec): writer.put(9, spec)
        case .analysis(let spec): writer.put(10, spec)
        case .metric(let spec): writer.put(11, spec)
        case .comparison(let spec): writer.put(12, spec)
        }
        writer.put(6, schedule)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var name: String?
        var question: GateQuestion?
        var schedule = GateSchedule()
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2:
                _ = try reader.bool()
                question = .health
            case 3: question = .threshold(try reader.record())
            case 4: question = .smoke(try reader.record())
            case 5: question = .command(try reader.record())
            case 6: schedule = try reader.record()
            case 7: question = .approval(try reader.record())
            case 8: question = .webhook(try reader.record())
            case 9: question = .load(try reader.record())
            case 10: question = .analysis(try reader.record())
            case 11: question = .metric(try reader.record())
            case 12: question = .comparison(try reader.record())
            case _: try reader.skip()
            }
        }
        guard let name, let question else { throw .missing("gate") }
        self.init(name: GateName(name), question: question, schedule: schedule)
    }
}

extension SmokeSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) { writer.put(1, requests) }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(requests: [])
        while let tag = try reader.next() {
            switch tag {
            case 1: requests.append(try reader.record())
            case _: try reader.skip()
            }
        }
    }
}

extension SmokeRequest: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, method)
        writer.put(2, path)
        writer.put(3, headers)
        if let body { writer.put(4, Array(body.utf8)) }
        if let status { writer.put(5, status) }
        if let within { writer.put(6, within) }
        writer.put(7, expectHeaders)
        writer.put(8, expectJSON)
        if let contains { writer.put(9, Array(contains.utf8)) }
        writer.put(10, capture)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(path: "")
        while let tag = try reader.next() {
            switch tag {
            case 1: method = try reader.text()
            case 2: path = try reader.text()
            case 3: headers.append(try reader.record())
            case 4: body = try reader.text()
            case 5: status = try reader.int()
            case 6: within = try reader.span()
            case 7: expectHeaders.append(try reader.record())
            case 8: expectJSON.append(try reader.record())
            case 9: contains = try reader.text()
            case 10: capture.append(try reader.record())
            case _: try reader.skip()
            }
        }
    }
}

extension CommandSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        for word in command { writer.put(1, Array(word.utf8)) }
        writer.put(2, env)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(command: [])
        while let tag = try reader.next() {
            switch tag {
            case 1: command.append(try reader.text())
            case 2: env.append(try reader.record())
            case _: try reader.skip()
            }
        }
    }
}

extension Variable: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name)
        writer.put(2, value)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var name = ""
        var value = ""
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: value = try reader.text()
            case _: try reader.skip()
            }
        }
        self.init(name: name, value: value)
    }
}

extension GateSchedule: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, initialDelay)
        writer.put(2, interval)
        writer.put(3, count)
        writer.put(4, timeout)
        writer.put(5, failureLimit)
        writer.put(6, errorLimit)
        writer.put(7, inconclusiveLimit)
        writer.put(8, onInconclusive.rawValue)
        writer.put(9, extendLimit)
        if patience != .zero { writer.put(10, patience) }
        if successLimit > 0 { writer.put(11, successLimit) }
        writer.put(12, isDryRun)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        while let tag = try reader.next() {
            switch tag {
            case 1: initialDelay = try reader.span()
            case 2: interval = try reader.span()
            case 3: count = try reader.int()
            case 4: timeout = try reader.span()
            case 5: failureLimit = try reader.int()
            case 6: errorLimit = try reader.int()
            case 7: inconclusiveLimit = try reader.int()
            case 8:
                guard let value = OnInconclusive(rawValue: try reader.text()) else { throw .damaged }
                onInconclusive = value
            case 9: extendLimit = try reader.span()
            case 10: patience = try reader.span()
            case 11: successLimit = try reader.int()
            case 12: isDryRun = try reader.bool()
            case _: try reader.skip()
            }
        }
    }
}

extension ThresholdSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        if let errorRate { writer.put(1, errorRate) }
        for limit in latencies {
            writer.put(2, limit.percentile)
            writer.put(3, limit.limit)
        }
        if let minRate { writer.put(4, minRate) }
        writer.put(5, minRequests)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        var percentile = 0
        while let tag = try reader.next() {
            switch tag {
            case 1: errorRate = try reader.int()
            case 2: percentile = try reader.int()
            case 3: latencies.append(LatencyLimit(percentile: percentile, limit: try reader.span()))
            case 4: minRate = try reader.int()
            case 5: minRequests = try reader.int()
            case _: try reader.skip()
            }
        }
    }
}

extension AnalysisSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        switch errors {
        case .absolute(let more): writer.put(1, more)
        case .relative(let more): writer.put(2, more)
        case nil: break
        }
        for latency in latencies {
            writer.put(3, latency.percentile)
            writer.put(4, latency.more)
        }
        writer.put(5, falseAlarms)
        writer.put(6, missed)
        if let requests { writer.put(7, requests) }
        if let load { writer.put(8, load) }
        if warmUp > .zero { writer.put(40, warmUp) }
        if baseline != .stable { writer.put(50, baseline.rawValue) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        var percentile = 0
        while let tag = try reader.next() {
            switch tag {
            case 1: errors = .absolute(try reader.int())
            case 2: errors = .relative(try reader.int())
            case 3: percentile = try reader.int()
            case 4: latencies.append(LatencyAllowance(percentile: percentile, more: try reader.int()))
            case 5: falseAlarms = try reader.int()
            case 6: missed = try reader.int()
            case 7: requests = try reader.int()
            case 8: load = try reader.record()
            case 40: warmUp = try reader.span()
            case 50:
                guard let value = BaselineChoice(rawValue: try reader.text()) else { throw .damaged }
                baseline = value
            case _: try reader.skip()
            }
        }
    }
}
