/// Something that was decided or done, for people, audit and reports. Written in the same transaction as the state that
/// it tells of, before any effect starts.
package struct Event: Hashable, Sendable, Codable {
    package var kind: EventKind
    /// Milliseconds since 1970.
    package var at: Int64
    package var deployment: DeploymentNumber?
    package var service: ServiceName?
    package var release: ReleaseNumber?
    /// What the kind counts: a weight, a stage, a number of instances.
    package var number: Int
    /// A sentence, or part of one. Never a secret.
    package var text: String
    /// Who asked for it; empty: Slipway by itself.
    package var by: String

    package init(
        _ kind: EventKind, at: Int64, deployment: DeploymentNumber? = nil, service: ServiceName? = nil,
        release: ReleaseNumber? = nil, number: Int = 0, text: String = "", by: String = ""
    ) {
        self.kind = kind
        self.at = at
        self.deployment = deployment
        self.service = service
        self.release = release
        self.number = number
        self.text = text
        self.by = by
    }
}

/// What happened. The numbers are on disk; a number from a later version is read as `other`.
package enum EventKind: UInt8, Hashable, Sendable, Codable, CaseIterable {
    case other = 0
    case deploymentStarted = 1
    case rolloutStarted = 2
    case stageStarted = 3
    case weightMoved = 4
    case gateStarted = 5
    case gatePassed = 6
    case gateFailed = 7
    case gateSkipped = 8
    case holdEnded = 9
    case arrived = 10
    case committed = 11
    case revertStarted = 12
    case reverted = 13
    case deploymentReverted = 14
    case needsPerson = 15
    case reminder = 16
    case paused = 17
    case resumed = 18
    case promoteAsked = 19
    case abortAsked = 20
    case retryAsked = 21
    case quarantined = 22
    case quarantineLifted = 23
    case scaledDown = 24
    case downAsked = 25
    case down = 26
    case supervisorStarted = 27
    case lookFailed = 28
    case heldForInspection = 36
    case trialRestarted = 37
    case approved = 40
    case rejected = 41
    case approvalExpired = 42
    /// A rollout of it failed: it goes back.
    case deploymentFailed = 60
    /// Nobody asked whether the machine is ready, for this reason.
    case preflightSkipped = 61
    case hookStarted = 62
    case hookEnded = 63
    case migrationStarted = 50
    case migrationEnded = 51
    case migrationFailed = 52
    /// A person said what became of a migration.
    case migrationAnswered = 53
    /// A rollout failed after its migration: a person is asked whether it goes forward or back.
    case atCrossroads = 54
    /// Load, or a person's word, changed how many instances run; `number` is how many do now.
    case scaled = 70
    case scaleAsked = 71
    /// An instance ended by itself or was ended for its own good; `number` is the instance.
    case instanceEnded = 72
    /// An instance that kept ending runs well again.
    case instanceRecovered = 73
    /// A release was promoted and is looked after.
    case watchStarted = 80
    case watchPassed = 81
    /// A gate or its instances failed while it was looked after.
    case watchFailed = 82
    /// Somebody ended it before its time: a person, or another deployment.
    case watchEnded = 83
    /// What stood before a deployment stands again, because its watch failed or a person said so.
    case takenBack = 84
    /// Fresh instances of the stable release begin beside a canary, so that it is compared with them; `number` of them.
    case baselineStarted = 90
    /// Nothing is compared with them any more: they leave when their requests have ended.
    case baselineEnded = 91
}

extension Event: RecordCodable {
    package static let version: UInt8 = 1

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, Int(kind.rawValue))
        writer.put(2, at)
        if let deployment { writer.put(3, deployment.value) }
        if let service { writer.put(4, service.text) }
        if let release { writer.put(5, release.value) }
        if release?.isBaseline == true { writer.put(50, true) }
        if number != 0 { writer.put(6, number) }
        writer.put(7, text)
        writer.put(8, by)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(.other, at: 0)
        while let tag = try reader.next() {
            switch tag {
            case 1: kind = EventKind(rawValue: try reader.byte()) ?? .other
            case 2: at = try reader.int64()
            case 3: deployment = DeploymentNumber(try reader.int())
            case 4: service = ServiceName(try reader.text())
            case 5: release = ReleaseNumber(try reader.int())
            case 6: number = try reader.int()
            case 7: text = try reader.text()
            case 8: by = try reader.text()
            case 50: if try reader.bool() { release = release?.baseline }
            case _: try reader.skip()
            }
        }
    }
}

extension RecordCodable {
    /// The record's bytes, headed by its version.
    package func recorded(version: UInt8, capacity: Int = 256) -> [UInt8] {
        var writer = RecordWriter(version: version, capacity: capacity)
        encode(into: &writer)
        return writer.bytes
    }

    package init(recorded bytes: [UInt8], known version: UInt8) throws(RecordError) {
        var reader = try RecordReader(bytes, known: version)
        try self.init(from: &reader)
    }
}
