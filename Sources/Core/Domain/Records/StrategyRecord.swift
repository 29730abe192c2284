extension StrategySpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        switch kind {
        case .rolling(let spec): writer.put(1, spec)
        case .blueGreen(let spec): writer.put(2, spec)
        case .canary(let spec): writer.put(3, spec)
        case .recreate(let spec): writer.put(4, spec)
        }
        for name in background { writer.put(5, name.text) }
        writer.put(6, minReady)
        writer.put(7, progressDeadline)
        writer.put(8, scaleDownDelay)
        writer.put(9, keepWarm)
        if onFailure != .revert { writer.put(20, Int(onFailure.rawValue)) }
        if let watch { writer.put(40, watch) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var kind: StrategyKind?
        var spec = StrategySpec.standard
        while let tag = try reader.next() {
            switch tag {
            case 1: kind = .rolling(try reader.record())
            case 2: kind = .blueGreen(try reader.record())
            case 3: kind = .canary(try reader.record())
            case 4: kind = .recreate(try reader.record())
            case 5: spec.background.append(GateName(try reader.text()))
            case 6: spec.minReady = try reader.span()
            case 7: spec.progressDeadline = try reader.span()
            case 8: spec.scaleDownDelay = try reader.span()
            case 9: spec.keepWarm = try reader.int()
            case 20:
                guard let value = OnFailure(rawValue: try reader.byte()) else { throw .damaged }
                spec.onFailure = value
            case 40: spec.watch = try reader.record()
            case _: try reader.skip()
            }
        }
        guard let kind else { throw .missing("strategy") }
        spec.kind = kind
        self = spec
    }
}

extension WatchSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, span)
        for gate in gates { writer.put(2, gate.text) }
        writer.put(3, Int(onFailure.rawValue))
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(span: .zero)
        while let tag = try reader.next() {
            switch tag {
            case 1: span = try reader.span()
            case 2: gates.append(GateName(try reader.text()))
            case 3:
                guard let value = OnFailure(rawValue: try reader.byte()) else { throw .damaged }
                onFailure = value
            case _: try reader.skip()
            }
        }
    }
}

extension Amount {
    fileprivate var coded: Int {
        switch self {
        case .count(let count): count << 1
        case .percent(let percent): percent << 1 | 1
        }
    }

    fileprivate init(coded: Int) { self = coded & 1 == 1 ? .percent(coded >> 1) : .count(coded >> 1) }
}

extension RollingSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, maxSurge.coded)
        writer.put(2, maxUnavailable.coded)
        for gate in gates { writer.put(3, gate.text) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        while let tag = try reader.next() {
            switch tag {
            case 1: maxSurge = Amount(coded: try reader.int())
            case 2: maxUnavailable = Amount(coded: try reader.int())
            case 3: gates.append(GateName(try reader.text()))
            case _: try reader.skip()
            }
        }
    }
}

extension BlueGreenSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        for gate in before { writer.put(1, gate.text) }
        for gate in after { writer.put(2, gate.text) }
        writer.put(3, autoPromote)
        writer.put(4, matches)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(autoPromote: false)
        while let tag = try reader.next() {
            switch tag {
            case 1: before.append(GateName(try reader.text()))
            case 2: after.append(GateName(try reader.text()))
            case 3: autoPromote = try reader.bool()
            case 4: matches.append(try reader.record())
            case _: try reader.skip()
            }
        }
    }
}

extension CanarySpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, steps)
        writer.put(2, sticky)
        writer.put(3, matches)
        if sharesReplicas { writer.put(4, true) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(steps: [], sticky: false)
        while let tag = try reader.next() {
            switch tag {
            case 1: steps.append(try reader.record())
            case 2: sticky = try reader.bool()
            case 3: matches.append(try reader.record())
            case 4: sharesReplicas = try reader.bool()
            case _: try reader.skip()
            }
        }
    }
}

extension CanaryStep: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        switch self {
        case .weight(let weight): writer.put(1, weight.percent)
        case .hold(let span): writer.put(2, span)
        case .holdUntilPromoted: writer.put(3, true)
        case .gate(let name): writer.put(4, name.text)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        guard let tag = try reader.next() else { throw .missing("step") }
        switch tag {
        case 1: self = .weight(Weight(clamping: try reader.int()))
        case 2: self = .hold(try reader.span())
        case 3:
            _ = try reader.bool()
            self = .holdUntilPromoted
        case 4: self = .gate(GateName(try reader.text()))
        case _: throw .damaged
        }
    }
}

extension MatchSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        switch self {
        case .header(let name, let value):
            writer.put(1, name)
            writer.put(2, value)
        case .cookie(let name, let value):
            writer.put(3, name)
            writer.put(2, value)
        }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var header: String?
        var cookie: String?
        var value = ""
        while let tag = try reader.next() {
            switch tag {
            case 1: header = try reader.text()
            case 2: value = try reader.text()
            case 3: cookie = try reader.text()
            case _: try reader.skip()
            }
        }
        if let header {
            self = .header(name: header, value: value)
        } else if let cookie {
            self = .cookie(name: cookie, value: value)
        } else {
            throw .missing("match")
        }
    }
}

extension RecreateSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, hold)
        for gate in gates { writer.put(2, gate.text) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        while let tag = try reader.next() {
            switch tag {
            case 1: hold = try reader.record()
            case 2: gates.append(GateName(try reader.text()))
            case _: try reader.skip()
            }
        }
    }
}

extension HoldSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, requests)
        writer.put(2, bytes)
        writer.put(3, time)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        while let tag = try reader.next() {
            switch tag {
            case 1: requests = try reader.int()
            case 2: bytes = try reader.int64()
            case 3: time = try reader.span()
            case _: try reader.skip()
            }
        }
    }
}
