import Domain
import FoundationEssentials
import Ports

/// What one run of a gate was told by the router, from its beginning; after a restart of Slipway in several parts.
package struct TrafficRecording: Hashable, Sendable {
    /// What Slipway counted without forgetting it.
    package struct Part: Hashable, Sendable {
        package var head: RecordingHead
        /// In the order of their times; the first is where the counting begins.
        package var readings: [RecordedReading]

        package init(head: RecordingHead, readings: [RecordedReading] = []) {
            self.head = head
            self.readings = readings
        }
    }

    /// At least one.
    package private(set) var parts: [Part]

    package init(_ part: Part) { parts = [part] }

    package var head: RecordingHead { parts[0].head }
    /// How many looks are kept.
    package var looks: Int { parts.reduce(0) { $0 + $1.readings.filter { $0.look != nil }.count } }
    /// The number of the last look that is kept.
    package var lastLook: Int { parts.flatMap(\.readings).compactMap(\.look).max() ?? 0 }
    /// It is of a gate that asks sources of metrics: what they said is kept, and no counts of the router.
    package var holdsAnswers: Bool { parts.contains { $0.readings.contains { $0.answers != nil } } }
    /// Later looks were not kept.
    package var isCut: Bool { parts.contains { $0.readings.contains(where: \.isCut) } }

    /// `api@15 beside api@14, deployment #37, gate good`.
    package var title: String {
        var words = "\(head.service)@\(head.canary) beside \(head.service)@\(head.stable)"
        if let deployment = head.deployment { words += ", deployment \(deployment)" }
        if let gate = head.gate { words += ", gate \(gate)" }
        return words + (head.run > 1 ? ", run \(head.run)" : "")
    }

    /// Reads lines of JSON: a head, its readings, and perhaps more of the kind.
    /// - Throws: `RecordingError` for the first line that makes no sense.
    package static func read(_ text: String) throws(RecordingError) -> [TrafficRecording] {
        var found: [TrafficRecording] = []
        var file = Part?.none
        var counts = TrafficCounts(source: "", releases: [])
        func finish() {
            guard let part = file else { return }
            if part.head.isResumed, let index = found.lastIndex(where: { $0.head.isSameRun(as: part.head) }) {
                found[index].parts.append(part)
            } else {
                found.append(TrafficRecording(part))
            }
        }
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy(\.isWhitespace) { continue }
            switch try RecordingLine.read(line, index + 1) {
            case .head(let head):
                finish()
                file = Part(head: head)
                counts = TrafficCounts(source: "", releases: [])
            case .reading(let reading):
                guard let part = file else {
                    throw RecordingError(line: index + 1, words: "a reading before the head", hint: RecordingLine.form)
                }
                if let objection = part.objection(to: reading) {
                    throw RecordingError(line: index + 1, words: objection)
                }
                counts.add(reading)
                if counts.epochs.contains(where: { $0.releases.contains { $0.errors > $0.requests } }) {
                    throw RecordingError(line: index + 1, words: "more errors than requests, in all so far")
                }
                file?.readings.append(reading)
            }
        }
        finish()
        guard !found.isEmpty else {
            throw RecordingError(line: 1, words: "there is no recording in it", hint: RecordingLine.form)
        }
        return found
    }
}

extension TrafficRecording.Part {
    /// What cannot be true of a reading after those before it.
    fileprivate func objection(to reading: RecordedReading) -> String? {
        if let last = readings.last, reading.at < last.at { return "`at` is before that of the line above" }
        if let look = reading.look {
            if let last = readings.compactMap(\.look).last, look <= last { return "`look` does not rise" }
        }
        for split in reading.splits {
            let before = readings.last { $0.splits.contains { $0.split == split.split } }?.splits
                .first { $0.split == split.split }
            guard let before else { continue }
            if before.isSticky != split.isSticky { return "split \(split.split) was sticky, or was not, before" }
            for release in split.releases {
                let weight = before.releases.first { $0.release == release.release }?.weight
                guard let weight, weight != release.weight else { continue }
                return "split \(split.split) had another weight before: another weight is another split"
            }
        }
        return nil
    }
}

extension RecordingHead {
    func isSameRun(as other: RecordingHead) -> Bool {
        project == other.project && environment == other.environment && service == other.service
            && canary == other.canary && stable == other.stable && deployment == other.deployment && gate == other.gate
            && run == other.run
    }
}

/// Why a recording cannot be read.
package struct RecordingError: Error, Hashable, CustomStringConvertible {
    /// From 1.
    package var line: Int
    package var words: String
    package var hint: String

    init(line: Int, words: String, hint: String = "") {
        self.line = line
        self.words = words
        self.hint = hint
    }

    package var description: String { "line \(line): \(words)" }
}

/// One line of a recording, as text.
enum RecordingLine {
    case head(RecordingHead)
    case reading(RecordedReading)

    static let form = "the first line is {\"recording\": 1, \"service\": …, \"canary\": 15, \"stable\": 14}"

    static func read(_ line: Substring, _ number: Int) throws(RecordingError) -> RecordingLine {
        let bytes = Array(line.utf8)
        guard case .map(let values) = JSONValue(parsing: bytes) else {
            throw RecordingError(line: number, words: "this is no JSON object", hint: form)
        }
        do {
            if values["recording"] != nil {
                return .head(try JSONDecoder().decode(RecordingHead.self, from: Data(bytes)))
            }
            return .reading(try JSONDecoder().decode(RecordedReading.self, from: Data(bytes)))
        } catch let error as RecordingTrouble {
            throw RecordingError(line: number, words: error.words)
        } catch let error as DecodingError {
            throw RecordingError(line: number, words: error.inWords)
        } catch {
            throw RecordingError(line: number, words: "\(error)")
        }
    }

    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}

extension DecodingError {
    /// For a person who wrote the line.
    fileprivate var inWords: String {
        func place(_ context: Context) -> String {
            let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
            return path.joined(separator: ".").replacing(".[", with: "[")
        }
        switch self {
        case .keyNotFound(let key, let context):
            let inside = place(context)
            return "`\(key.stringValue)` is missing" + (inside.isEmpty ? "" : " in \(inside)")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return "`\(place(context))` is not of its kind: \(context.debugDescription)"
        @unknown default: return "\(self)"
        }
    }
}
