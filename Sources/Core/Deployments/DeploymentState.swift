package import Domain
package import Rollouts

/// One `deploy` into one environment: the rollouts of all services that it touches, committed or reverted as one.
package struct DeploymentState: Hashable, Sendable {
    package let number: DeploymentNumber
    package let kind: DeploymentKind
    package let by: String
    package let reason: String
    package let started: Moment
    /// In the order of their waves, then of their names.
    package let items: [DeploymentItem]
    /// Services that are taken down for good when it is committed.
    package let removals: [ServiceName]
    /// Where its artifacts stood before, for people: `staging #12`.
    package let origin: String
    /// The deployment that this one takes back, because it failed after its commit; nil: none.
    package var takesBack: DeploymentNumber?
    package var phase = DeploymentPhase.advancing
    package var wave = 0
    package var ended: Moment?
    package var failure: RolloutFailure?
    package var failedService: ServiceName?
    /// What stood in the whole environment when it was committed: `rollback --to` brings this back.
    package var standing: [StandingRelease] = []
    /// Of the removals, those that ran until its commit.
    package var tookDown: [ServiceName] = []

    package init(
        number: DeploymentNumber, kind: DeploymentKind, by: String, reason: String, started: Moment,
        items: [DeploymentItem], removals: [ServiceName] = [], origin: String = ""
    ) {
        self.number = number
        self.kind = kind
        self.by = by
        self.reason = reason
        self.started = started
        self.items = items
        self.removals = removals
        self.origin = origin
    }

    package var waves: Int { (items.last?.wave ?? -1) + 1 }
}

/// One service of a deployment.
package struct DeploymentItem: Hashable, Sendable {
    package let service: ServiceName
    package let wave: Int
    package let from: ReleaseFacts?
    package let to: ReleaseFacts
    package let plan: RolloutPlan

    package init(service: ServiceName, wave: Int, from: ReleaseFacts?, to: ReleaseFacts, plan: RolloutPlan) {
        self.service = service
        self.wave = wave
        self.from = from
        self.to = to
        self.plan = plan
    }
}

/// A service's stable release at some moment.
package struct StandingRelease: Hashable, Sendable {
    package var service: ServiceName
    package var release: ReleaseFacts
    package init(service: ServiceName, release: ReleaseFacts) {
        self.service = service
        self.release = release
    }
}

/// Why there is a deployment. The numbers are on disk.
package enum DeploymentKind: UInt8, Hashable, Sendable, Codable, CaseIterable {
    case deploy = 1
    case rollback = 2
    case retry = 3
    /// Slipway takes a deployment back that failed after its commit, or a person does.
    case revert = 4

    package var word: String {
        switch self {
        case .deploy: "deploy"
        case .rollback: "rollback"
        case .retry: "retry"
        case .revert: "revert"
        }
    }
}

/// How far a deployment is. The numbers are on disk.
package enum DeploymentPhase: UInt8, Hashable, Sendable, Codable, CaseIterable {
    case advancing = 1
    case reverting = 2
    case committed = 3
    case reverted = 4

    package var word: String {
        switch self {
        case .advancing: "advancing"
        case .reverting: "reverting"
        case .committed: "committed"
        case .reverted: "reverted"
        }
    }

    package var isOver: Bool {
        switch self {
        case .advancing, .reverting: false
        case .committed, .reverted: true
        }
    }
}

extension DeploymentState: RecordCodable {
    package static let recordVersion: UInt8 = 1

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, number.value)
        writer.put(2, Int(kind.rawValue))
        writer.put(3, by)
        writer.put(4, reason)
        writer.put(5, started)
        writer.put(6, items)
        writer.put(7, Int(phase.rawValue))
        writer.put(8, wave)
        if let ended { writer.put(9, ended) }
        if let failure {
            writer.put(10, Int(failure.code.rawValue))
            writer.put(11, failure.text)
        }
        if let failedService { writer.put(12, failedService.text) }
        for entry in standing {
            writer.put(13, entry.service.text)
            writer.put(14, entry.release)
        }
        for service in removals { writer.put(20, service.text) }
        if !origin.isEmpty { writer.put(21, origin) }
        if let takesBack { writer.put(40, takesBack.value) }
        for service in tookDown { writer.put(41, service.text) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var number: Int?
        var kind = DeploymentKind.deploy
        var by = ""
        var reason = ""
        var started: Moment?
        var items: [DeploymentItem] = []
        var end = End()
        while let tag = try reader.next() {
            switch tag {
            case 1: number = try reader.int()
            case 2:
                guard let value = DeploymentKind(rawValue: try reader.byte()) else { throw .damaged }
                kind = value
            case 3: by = try reader.text()
            case 4: reason = try reader.text()
            case 5: started = try reader.moment()
            case 6: items.append(try reader.record())
            case _: try end.read(tag, &reader)
            }
        }
        guard let number, let started else { throw .missing("deployment") }
        self.init(
            number: DeploymentNumber(number), kind: kind, by: by, reason: reason, started: started, items: items,
            removals: end.removals, origin: end.origin)
        phase = end.phase
        wave = end.wave
        ended = end.ended
        failure = end.failure
        failedService = end.failedService
        standing = end.standing
        takesBack = end.takesBack
        tookDown = end.tookDown
    }

    private struct End {
        var phase = DeploymentPhase.advancing
        var wave = 0
        var ended: Moment?
        var failure: RolloutFailure?
        var failedService: ServiceName?
        var standing: [StandingRelease] = []
        var service = ""
        var removals: [ServiceName] = []
        var origin = ""
        var takesBack: DeploymentNumber?
        var tookDown: [ServiceName] = []

        mutating func read(_ tag: Int, _ reader: inout RecordReader) throws(RecordError) {
            switch tag {
            case 7:
                guard let value = DeploymentPhase(rawValue: try reader.byte()) else { throw .damaged }
                phase = value
            case 8: wave = try reader.int()
            case 9: ended = try reader.moment()
            case 10:
                guard let code = FailureCode(rawValue: try reader.byte()) else { throw .damaged }
                failure = RolloutFailure(code, "")
            case 11: failure?.text = try reader.text()
            case 12: failedService = ServiceName(try reader.text())
            case 13: service = try reader.text()
            case 14: standing.append(StandingRelease(service: ServiceName(service), release: try reader.record()))
            case 20: removals.append(ServiceName(try reader.text()))
            case 21: origin = try reader.text()
            case 40: takesBack = DeploymentNumber(try reader.int())
            case 41: tookDown.append(ServiceName(try reader.text()))
            case _: try reader.skip()
            }
        }
    }
}

extension DeploymentItem: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, service.text)
        writer.put(2, wave)
        if let from { writer.put(3, from) }
        writer.put(4, to)
        writer.put(5, plan)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var service = ""
        var wave = 0
        var from: ReleaseFacts?
        var to: ReleaseFacts?
        var plan: RolloutPlan?
        while let tag = try reader.next() {
            switch tag {
            case 1: service = try reader.text()
            case 2: wave = try reader.int()
            case 3: from = try reader.record()
            case 4: to = try reader.record()
            case 5: plan = try reader.record()
            case _: try reader.skip()
            }
        }
        guard let to, let plan else { throw .missing("deployment item") }
        self.init(service: ServiceName(service), wave: wave, from: from, to: to, plan: plan)
    }
}
