/// A gate that a person answers.
package struct ApprovalSpec: Hashable, Sendable, Codable {
    package var by: Approver
    /// How long it is waited for; then `onInconclusive` says what follows.
    package var within: Span

    package static let standardWithin = Span.hours(24)

    package init(by: Approver = .anyone, within: Span = ApprovalSpec.standardWithin) {
        self.by = by
        self.within = within
    }
}

/// Whose word counts.
package enum Approver: String, Hashable, Sendable, Codable, CaseIterable {
    case anyone
    /// Another user than the one who asked for the deployment.
    case other
}

extension ApprovalSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, by.rawValue)
        writer.put(2, within)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init()
        while let tag = try reader.next() {
            switch tag {
            case 1:
                guard let value = Approver(rawValue: try reader.text()) else { throw .damaged }
                by = value
            case 2: within = try reader.span()
            case _: try reader.skip()
            }
        }
    }
}
