import FoundationEssentials

extension GateSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name.text)
        switch question {
        case .health: writer.put(2, true)
        case .threshold(let spec): writer.put(3, spec)
        case .smoke(let spec): writer.put(4, json(spec))
        case .command(let spec): writer.put(5, json(spec))
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
            case 4: question = .smoke(try parsed(try reader.data()))
            case 5: question = .command(try parsed(try reader.data()))
            case 6: schedule = try reader.record()
            case _: try reader.skip()
            }
        }
        guard let name, let question else { throw .missing("gate") }
        self.init(name: GateName(name), question: question, schedule: schedule)
    }
}

/// Long questions are rarely written and hold lists within lists: they go as JSON. Our own values of texts and numbers
/// always encode; an empty field would be found as damage on reading.
private func json(_ value: some Encodable) -> [UInt8] {
    do { return Array(try JSONEncoder().encode(value)) } catch { return [] }
}

private func parsed<Value: Decodable>(_ bytes: [UInt8]) throws(RecordError) -> Value {
    do { return try JSONDecoder().decode(Value.self, from: Data(bytes)) } catch { throw .damaged }
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
