extension ComparisonSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, source)
        writer.put(2, range)
        writer.put(3, step)
        writer.put(4, window)
        writer.put(5, metrics)
        for weight in weights {
            writer.put(6, weight.group)
            writer.put(7, weight.share)
        }
        writer.put(8, pass)
        writer.put(9, marginal)
        writer.put(10, confidence)
        writer.put(11, tolerance)
        if baseline != .stable { writer.put(50, baseline.rawValue) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var spec = ComparisonSpec(source: MetricSource(name: "", way: .csv(path: "")), metrics: [])
        var source: MetricSource?
        var group = ""
        while let tag = try reader.next() {
            switch tag {
            case 1: source = try reader.record()
            case 2: spec.range = try reader.span()
            case 3: spec.step = try reader.span()
            case 4: spec.window = try reader.span()
            case 5: spec.metrics.append(try reader.record())
            case 6: group = try reader.text()
            case 7: spec.weights.append(GroupShare(group: group, share: try reader.int()))
            case 8: spec.pass = try reader.int()
            case 9: spec.marginal = try reader.int()
            case 10: spec.confidence = try reader.int()
            case 11: spec.tolerance = try reader.int()
            case 50:
                guard let value = BaselineChoice(rawValue: try reader.text()) else { throw .damaged }
                spec.baseline = value
            case _: try reader.skip()
            }
        }
        // Without a metric there would be nothing that could fail.
        guard let source, !spec.metrics.isEmpty else { throw .missing("comparison") }
        self = spec
        self.source = source
    }
}

extension ComparedMetric: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, name)
        writer.put(2, Array(query.utf8))
        if let baseline { writer.put(3, Array(baseline.utf8)) }
        for group in groups { writer.put(4, group) }
        writer.put(5, direction.rawValue)
        writer.put(6, isCritical)
        writer.put(7, mustHaveData)
        writer.put(8, takesNaNAsZero)
        if let fence { writer.put(9, fence) }
        writer.put(10, increase)
        writer.put(11, decrease)
        writer.put(12, criticalIncrease)
        writer.put(13, criticalDecrease)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(name: "", query: "", groups: [])
        while let tag = try reader.next() {
            switch tag {
            case 1: name = try reader.text()
            case 2: query = try reader.text()
            case 3: baseline = try reader.text()
            case 4: groups.append(try reader.text())
            case 5:
                guard let value = MetricDirection(rawValue: try reader.text()) else { throw .damaged }
                direction = value
            case 6: isCritical = try reader.bool()
            case 7: mustHaveData = try reader.bool()
            case 8: takesNaNAsZero = try reader.bool()
            case 9: fence = try reader.int()
            case 10: increase = try reader.int()
            case 11: decrease = try reader.int()
            case 12: criticalIncrease = try reader.int()
            case 13: criticalDecrease = try reader.int()
            case _: try reader.skip()
            }
        }
    }
}
