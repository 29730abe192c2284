import Domain
import FoundationEssentials
import Ports

extension RecordedAnswer: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case source, query, release, start, end, step, series, notes, trouble
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(knowing: Key.self)
        let ends = [Key.start, .end, .step].filter { values.contains($0) }
        var range: MetricRange?
        if ends.count == 3 {
            range = MetricRange(
                start: try values.decode(Int64.self, forKey: .start), end: try values.decode(Int64.self, forKey: .end),
                step: .milliseconds(try values.decode(Int64.self, forKey: .step)))
        }
        guard ends.isEmpty || ends.count == 3, range.map({ $0.step > .zero && $0.start <= $0.end }) ?? true else {
            throw RecordingTrouble("`start`, `end` and `step` are milliseconds, all three of them")
        }
        let answer: MetricAnswer
        if let trouble = try values.decodeIfPresent(String.self, forKey: .trouble) {
            guard !values.contains(.series) else { throw RecordingTrouble("`trouble` beside `series`") }
            answer = .trouble(trouble)
        } else {
            answer = .series(
                try values.decode([RecordedSeries].self, forKey: .series).map(\.series),
                notes: try values.decodeIfPresent([String].self, forKey: .notes) ?? [])
        }
        self.init(
            source: try values.decode(String.self, forKey: .source),
            query: try values.decodeIfPresent(String.self, forKey: .query) ?? "",
            release: try values.decode(ReleaseNumber.self, forKey: .release), range: range, answer: answer)
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(source, forKey: .source)
        if !query.isEmpty { try values.encode(query, forKey: .query) }
        try values.encode(release, forKey: .release)
        if let range {
            try values.encode(range.start, forKey: .start)
            try values.encode(range.end, forKey: .end)
            try values.encode(range.step.milliseconds, forKey: .step)
        }
        switch answer {
        case .trouble(let words): try values.encode(words, forKey: .trouble)
        case .series(let series, let notes):
            try values.encode(series.map(RecordedSeries.init), forKey: .series)
            if !notes.isEmpty { try values.encode(notes, forKey: .notes) }
        }
    }
}

/// `{"labels": "{}", "values": [0.25, null, "+Inf"]}`: null where there was no number.
private struct RecordedSeries: Codable {
    var series: MetricSeries

    init(_ series: MetricSeries) { self.series = series }

    private enum Key: String, CodingKey, CaseIterable { case labels, values }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(knowing: Key.self)
        series = MetricSeries(
            labels: try container.decodeIfPresent(String.self, forKey: .labels) ?? "",
            values: try container.decode([RecordedNumber].self, forKey: .values).map(\.value))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        if !series.labels.isEmpty { try container.encode(series.labels, forKey: .labels) }
        try container.encode(series.values.map(RecordedNumber.init), forKey: .values)
    }
}

/// A number as JSON has it; null and two words are for what JSON has not.
private struct RecordedNumber: Codable {
    var value: Double

    init(_ value: Double) { self.value = value }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            value = .nan
            return
        }
        do {
            value = try container.decode(Double.self)
            return
        } catch DecodingError.typeMismatch {
            // It may be a word.
        }
        switch try container.decode(String.self) {
        case "+Inf": value = .infinity
        case "-Inf": value = -.infinity
        case let word:
            throw RecordingTrouble(
                "a value is a number, null, \"+Inf\" or \"-Inf\", not \(word.printable.bounded(to: 40))")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if value.isNaN {
            try container.encodeNil()
        } else if value.isInfinite {
            try container.encode(value > 0 ? "+Inf" : "-Inf")
        } else {
            try container.encode(value)
        }
    }
}
