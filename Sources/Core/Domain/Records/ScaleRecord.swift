extension ScaleSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, min)
        writer.put(2, max)
        for target in targets {
            writer.put(3, Int(target.metric.rawValue))
            writer.put(4, target.perInstance)
            writer.put(5, target.share)
        }
        writer.put(6, up)
        writer.put(7, down)
        writer.put(8, tolerance)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(min: 1, max: 1, targets: [])
        // A metric of a later version is stepped over, with what belongs to it.
        var metric: ScaleMetric?
        var amount: Int64 = 0
        while let tag = try reader.next() {
            switch tag {
            case 1: min = try reader.int()
            case 2: max = try reader.int()
            case 3: metric = ScaleMetric(rawValue: try reader.byte())
            case 4: amount = try reader.int64()
            case 5:
                let share = try reader.int()
                if let metric { targets.append(ScaleTarget(metric: metric, perInstance: amount, share: share)) }
            case 6: up = try reader.span()
            case 7: down = try reader.span()
            case 8: tolerance = try reader.int()
            case _: try reader.skip()
            }
        }
    }
}

extension HandCount: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, count)
        writer.put(2, since)
        if let span { writer.put(3, span) }
        writer.put(4, by)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var count = 0
        var since: Moment?
        var span: Span?
        var by = ""
        while let tag = try reader.next() {
            switch tag {
            case 1: count = try reader.int()
            case 2: since = try reader.moment()
            case 3: span = try reader.span()
            case 4: by = try reader.text()
            case _: try reader.skip()
            }
        }
        guard let since else { throw .missing("count by hand") }
        self.init(count: count, since: since, span: span, by: by)
    }
}
