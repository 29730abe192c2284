package import Domain
import Judging

extension WatchState: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, deployment.value)
        writer.put(2, release)
        if let from { writer.put(3, from.value) }
        writer.put(4, spec)
        writer.put(5, gates)
        writer.put(6, since)
        writer.put(7, runs)
        writer.put(8, lastRun)
        writer.put(9, Int(phase.rawValue))
        if let failure {
            writer.put(10, Int(failure.code.rawValue))
            writer.put(11, failure.text)
        }
        if let waitsSince { writer.put(12, waitsSince) }
        if reminders > 0 { writer.put(13, reminders) }
        if !question.isEmpty { writer.put(14, question) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var deployment: Int?
        var release: ReleaseFacts?
        var from: ReleaseNumber?
        var spec: WatchSpec?
        var gates: [GateSpec] = []
        var since: Moment?
        var rest = Rest()
        while let tag = try reader.next() {
            switch tag {
            case 1: deployment = try reader.int()
            case 2: release = try reader.record()
            case 3: from = ReleaseNumber(try reader.int())
            case 4: spec = try reader.record()
            case 5: gates.append(try reader.record())
            case 6: since = try reader.moment()
            case _: try rest.read(tag, &reader)
            }
        }
        guard let deployment, let release, let spec, let since else { throw .missing("watch") }
        self.init(
            deployment: DeploymentNumber(deployment), release: release, from: from, spec: spec, gates: gates,
            since: since, lastRun: rest.lastRun)
        runs = rest.runs
        phase = rest.phase
        failure = rest.failure
        waitsSince = rest.waitsSince
        reminders = rest.reminders
        question = rest.question
    }

    private struct Rest {
        var runs: [GateRun] = []
        var lastRun = 0
        var phase = WatchPhase.watching
        var failure: RolloutFailure?
        var waitsSince: Moment?
        var reminders = 0
        var question = ""

        mutating func read(_ tag: Int, _ reader: inout RecordReader) throws(RecordError) {
            switch tag {
            case 7: runs.append(try reader.record())
            case 8: lastRun = try reader.int()
            case 9:
                guard let value = WatchPhase(rawValue: try reader.byte()) else { throw .damaged }
                phase = value
            case 10:
                guard let code = FailureCode(rawValue: try reader.byte()) else { throw .damaged }
                failure = RolloutFailure(code, "")
            case 11: failure?.text = try reader.text()
            case 12: waitsSince = try reader.moment()
            case 13: reminders = try reader.int()
            case 14: question = try reader.text()
            case _: try reader.skip()
            }
        }
    }
}
