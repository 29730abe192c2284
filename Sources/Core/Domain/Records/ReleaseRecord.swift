extension ReleaseFacts: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, number.value)
        writer.put(2, digest)
        writer.put(3, replicas)
        writer.put(4, isRouted)
        writer.put(5, drain)
        if declared != replicas { writer.put(10, declared) }
        if let scale { writer.put(11, scale) }
        if let migration { writer.put(12, migration) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var number: Int?
        var digest: ContentDigest?
        var replicas = 0
        var isRouted = false
        var drain = Span.zero
        var declared: Int?
        var scale: ScaleSpec?
        var migration: MigrationFacts?
        while let tag = try reader.next() {
            switch tag {
            case 1: number = try reader.int()
            case 2: digest = try reader.digest()
            case 3: replicas = try reader.int()
            case 4: isRouted = try reader.bool()
            case 5: drain = try reader.span()
            case 10: declared = try reader.int()
            case 11: scale = try reader.record()
            case 12: migration = try reader.record()
            case _: try reader.skip()
            }
        }
        guard let number, let digest else { throw .missing("release facts") }
        self.init(
            number: ReleaseNumber(number), digest: digest, replicas: replicas, isRouted: isRouted, drain: drain,
            declared: declared, scale: scale, migration: migration)
    }
}

extension MigrationFacts: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, schema)
        writer.put(2, isCompatible)
        writer.put(3, timeout)
        writer.put(4, verify)
        if let gate { writer.put(5, gate.text) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(schema: "", isCompatible: false)
        while let tag = try reader.next() {
            switch tag {
            case 1: schema = try reader.text()
            case 2: isCompatible = try reader.bool()
            case 3: timeout = try reader.span()
            case 4: verify = try reader.span()
            case 5: gate = GateName(try reader.text())
            case _: try reader.skip()
            }
        }
        guard !schema.isEmpty else { throw .missing("schema mark") }
    }
}

/// A release on its way into the journal: its parts are already encoded, since the engine only needs its facts.
package struct ReleaseRecord: Hashable, Sendable, RecordCodable {
    package static let version: UInt8 = 1

    package var facts: ReleaseFacts
    package var createdAt: Int64
    package var createdBy: String
    /// `ReleaseParts` as JSON.
    package var parts: [UInt8]

    package init(facts: ReleaseFacts, createdAt: Int64, createdBy: String, parts: [UInt8]) {
        self.facts = facts
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.parts = parts
    }

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, facts)
        writer.put(2, createdAt)
        writer.put(3, createdBy)
        writer.put(4, parts)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var facts: ReleaseFacts?
        var createdAt: Int64 = 0
        var createdBy = ""
        var parts: [UInt8] = []
        while let tag = try reader.next() {
            switch tag {
            case 1: facts = try reader.record()
            case 2: createdAt = try reader.int64()
            case 3: createdBy = try reader.text()
            case 4: parts = try reader.data()
            case _: try reader.skip()
            }
        }
        guard let facts else { throw .missing("release") }
        self.init(facts: facts, createdAt: createdAt, createdBy: createdBy, parts: parts)
    }
}
