package import Domain

/// What carries notifications to a channel. One attempt at a time; patience and repetition are the outbox's.
package protocol NotifierPort: Sendable {
    /// Tries once. What went wrong is an answer, not a thrown error, and never holds a secret's value.
    func deliver(_ notification: Notification, over spec: NotifySpec) async -> DeliveryOutcome
}

/// Something that happened, on its way to people.
package struct Notification: Hashable, Sendable {
    /// The same for every attempt: `shop/production/4711`. Receivers tell repetitions by it.
    package var id: String
    /// Nil: a test.
    package var kind: NotifyKind?
    package var environment: EnvironmentID
    package var event: Event

    package init(id: String, kind: NotifyKind?, environment: EnvironmentID, event: Event) {
        self.id = id
        self.kind = kind
        self.environment = environment
        self.event = event
    }
}

/// What came of an attempt.
package enum DeliveryOutcome: Hashable, Sendable {
    case delivered
    /// May be tried again, at the earliest after this time.
    case failed(String, after: Span? = nil)
    /// Trying again would bring the same.
    case refused(String)
}

extension Notification {
    /// One line, for subjects and chats.
    package var title: String {
        let place = "\(environment)"
        let deployment = event.deployment.map { " deployment \($0)" } ?? ""
        let service = event.service.map { "\($0)" + (event.release.map { "@\($0)" } ?? "") }
        return switch kind {
        case nil: "\(place): a test notification"
        case .started?: "\(place):\(deployment) started"
        case .committed?: "\(place):\(deployment) committed"
        case .reverted?: "\(place):\(deployment) reverted" + (service.map { ", because of \($0)" } ?? "")
        case .failed?: "\(place):\(deployment) failed" + (service.map { ": \($0)" } ?? "")
        case .needsPerson?: "\(place):\(deployment) needs a person" + (service.map { ": \($0)" } ?? "")
        case .reminder?: "\(place):\(deployment) still waits for a person" + (service.map { ": \($0)" } ?? "")
        case .quarantined?: "\(place): \(service ?? "a release") is in quarantine"
        }
    }

    /// The title, the cause, and what to do next.
    package var text: String {
        var lines = [title]
        if !event.text.isEmpty { lines.append(event.text) }
        if !event.by.isEmpty { lines.append("by \(event.by)") }
        switch kind {
        case .needsPerson?, .reminder?: lines.append("slipway status \(environment.name) shows what is awaited")
        case .failed?, .reverted?: lines.append("slipway history \(environment.name) tells the story")
        case .started?, .committed?, .quarantined?, nil: break
        }
        return lines.joined(separator: "\n")
    }
}
