package import Domain
import Judging

extension RolloutState: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, deployment.value)
        if let from { writer.put(2, from) }
        writer.put(3, to)
        writer.put(4, Int(phase.rawValue))
        writer.put(5, stage)
        writer.put(6, stageSince)
        writer.put(7, started)
        writer.put(8, progress)
        writer.put(9, best)
        if let gate { writer.put(10, gate) }
        writer.put(11, background)
        writer.put(12, runs)
        writer.put(13, isGateHeld)
        if isBackgroundSkipped { writer.put(32, true) }
        if let pausedSince { writer.put(14, pausedSince) }
        if let failure {
            writer.put(15, Int(failure.code.rawValue))
            writer.put(16, failure.text)
        }
        if let stuckSince { writer.put(17, stuckSince) }
        writer.put(18, reminders)
        if let heldSince { writer.put(24, heldSince) }
        if isRestarting { writer.put(25, isRestarting) }
        if let migration { writer.put(30, migration) }
        if let crossroads { writer.put(31, crossroads) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var deployment: Int?
        var from: ReleaseFacts?
        var to: ReleaseFacts?
        var started: Moment?
        var rest = Rest()
        while let tag = try reader.next() {
            switch tag {
            case 1: deployment = try reader.int()
            case 2: from = try reader.record()
            case 3: to = try reader.record()
            case 7: started = try reader.moment()
            case _: try rest.read(tag, &reader)
            }
        }
        guard let deployment, let to, let started else { throw .missing("rollout") }
        self.init(
            deployment: DeploymentNumber(deployment), from: from, to: to, plan: .unread, now: started)
        phase = rest.phase
        stage = rest.stage
        stageSince = rest.stageSince ?? started
        progress = rest.progress ?? started
        best = rest.best
        gate = rest.gate
        background = rest.background
        runs = rest.runs
        isGateHeld = rest.isGateHeld
        isBackgroundSkipped = rest.isBackgroundSkipped
        pausedSince = rest.pausedSince
        failure = rest.failure
        stuckSince = rest.stuckSince
        reminders = rest.reminders
        heldSince = rest.heldSince
        isRestarting = rest.isRestarting
        migration = rest.migration
        crossroads = rest.crossroads
    }

    private struct Rest {
        var phase = RolloutPhase.queued
        var stage = 0
        var stageSince: Moment?
        var progress: Moment?
        var best = 0
        var gate: GateRun?
        var background: [GateRun] = []
        var runs = 0
        var isGateHeld = false
        var isBackgroundSkipped = false
        var pausedSince: Moment?
        var failure: RolloutFailure?
        var stuckSince: Moment?
        var reminders = 0
        var heldSince: Moment?
        var isRestarting = false
        var migration: MigrationRun?
        var crossroads: Moment?

        mutating func read(_ tag: Int, _ reader: inout RecordReader) throws(RecordError) {
            switch tag {
            case 4:
                guard let value = RolloutPhase(rawValue: try reader.byte()) else { throw .damaged }
                phase = value
            case 5: stage = try reader.int()
            case 6: stageSince = try reader.moment()
            case 8: progress = try reader.moment()
            case 9: best = try reader.int()
            case 10: gate = try reader.record()
            case 11: background.append(try reader.record())
            case 12: runs = try reader.int()
            case 13: isGateHeld = try reader.bool()
            case 32: isBackgroundSkipped = try reader.bool()
            case 14: pausedSince = try reader.moment()
            case 15:
                guard let code = FailureCode(rawValue: try reader.byte()) else { throw .damaged }
                failure = RolloutFailure(code, "")
            case 16: failure?.text = try reader.text()
            case 17: stuckSince = try reader.moment()
            case 18: reminders = try reader.int()
            case 24: heldSince = try reader.moment()
            case 25: isRestarting = try reader.bool()
            case 30: migration = try reader.record()
            case 31: crossroads = try reader.moment()
            case _: try reader.skip()
            }
        }
    }
}

extension RolloutPlan: RecordCodable {
    /// Stands where a rollout was read and its deployment's record not yet.
    package static let unread = RolloutPlan(strategy: .standard, gates: [], isFirst: false, isRouted: false)

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, strategy)
        writer.put(2, gates)
        writer.put(3, isFirst)
        writer.put(4, isReturn)
        writer.put(5, isRouted)
        if let migration { writer.put(10, migration) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var strategy: StrategySpec?
        var gates: [GateSpec] = []
        var isFirst = false
        var isReturn = false
        var isRouted = false
        var migration: MigrationFacts?
        while let tag = try reader.next() {
            switch tag {
            case 1: strategy = try reader.record()
            case 2: gates.append(try reader.record())
            case 3: isFirst = try reader.bool()
            case 4: isReturn = try reader.bool()
            case 5: isRouted = try reader.bool()
            case 10: migration = try reader.record()
            case _: try reader.skip()
            }
        }
        guard let strategy else { throw .missing("plan") }
        self.init(
            strategy: strategy, gates: gates, isFirst: isFirst, isReturn: isReturn, isRouted: isRouted,
            migration: migration)
    }
}
