import Deployments
import Domain
import Ports
import Rollouts

/// An entry as who reads the journal finds it: read once, for the world that learns from it and for the referee.
struct DurableRecord {
    enum Content {
        case service(ServiceState)
        case deployment(DeploymentState)
        case quarantine(QuarantineEntry)
        case release(ReleaseFacts)
        case event(Event)
        /// Of a kind that nobody here reads.
        case other
    }

    let environment: EnvironmentID?
    let key: String
    let content: Content

    init(_ entry: JournalEntry) throws(RecordError) {
        environment = entry.environment
        key = entry.key
        switch entry.kind {
        case .service: content = .service(try ServiceState(recorded: entry.body, known: ServiceState.recordVersion))
        case .deployment:
            content = .deployment(try DeploymentState(recorded: entry.body, known: DeploymentState.recordVersion))
        case .quarantine:
            content = .quarantine(try QuarantineEntry(recorded: entry.body, known: QuarantineEntry.recordVersion))
        case .release:
            content = .release(try ReleaseRecord(recorded: entry.body, known: ReleaseRecord.version).facts)
        case .event: content = .event(try Event(recorded: entry.body, known: Event.version))
        case .environment, .evidence, .fence, .handover, .delivery, .recording: content = .other
        }
    }
}
