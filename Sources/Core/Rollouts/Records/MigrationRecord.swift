package import Domain

extension MigrationRun: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, attempt)
        writer.put(2, Int(phase.rawValue))
        writer.put(3, since)
        writer.put(4, fence)
        if let runningSince { writer.put(5, runningSince) }
        if let signalled { writer.put(6, signalled) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var attempt = 0
        var phase: MigrationPhase?
        var since: Moment?
        var fence: UInt64 = 0
        var runningSince: Moment?
        var signalled: Moment?
        while let tag = try reader.next() {
            switch tag {
            case 1: attempt = try reader.int()
            case 2:
                guard let value = MigrationPhase(rawValue: try reader.byte()) else { throw .damaged }
                phase = value
            case 3: since = try reader.moment()
            case 4: fence = try reader.uint64()
            case 5: runningSince = try reader.moment()
            case 6: signalled = try reader.moment()
            case _: try reader.skip()
            }
        }
        guard let phase, let since else { throw .missing("migration") }
        self.init(attempt: attempt, phase: phase, since: since, fence: fence)
        self.runningSince = runningSince
        self.signalled = signalled
    }
}

extension AppliedSchema: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, schema)
        writer.put(2, isCompatible)
        writer.put(3, release.value)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(schema: "", isCompatible: false, release: ReleaseNumber(0))
        while let tag = try reader.next() {
            switch tag {
            case 1: schema = try reader.text()
            case 2: isCompatible = try reader.bool()
            case 3: release = ReleaseNumber(try reader.int())
            case _: try reader.skip()
            }
        }
        guard !schema.isEmpty else { throw .missing("schema mark") }
    }
}
