import Domain
import Gates
import Logging
import Notifiers
import Ports

/// Runs hooks: that one begins is in the journal before it does, and how it ended when it has.
struct HookDesk: HookPort {
    var journal: any JournalPort
    var program = HookProgram()
    var now: @Sendable () -> Moment
    var logger: Logger

    func run(_ hook: HookSpec, _ occasion: HookOccasion) async -> String? {
        do { try await tell(.hookStarted, "\(hook.name) (\(hook.at.rawValue))", 0, occasion) } catch {
            return "the hook \(hook.name) was not started: the journal cannot be written: \(error)"
        }
        var env = [
            "SLIPWAY_HOOK": hook.at.rawValue, "SLIPWAY_PROJECT": occasion.environment.project,
            "SLIPWAY_ENVIRONMENT": occasion.environment.name, "SLIPWAY_BY": occasion.by,
        ]
        if let deployment = occasion.deployment { env["SLIPWAY_DEPLOYMENT"] = "\(deployment.value)" }
        if let service = occasion.service { env["SLIPWAY_SERVICE"] = service.text }
        if let release = occasion.release { env["SLIPWAY_RELEASE"] = release.description }
        if !occasion.services.isEmpty { env["SLIPWAY_SERVICES"] = occasion.services.map(\.text).joined(separator: " ") }
        if !occasion.outcome.isEmpty { env["SLIPWAY_OUTCOME"] = occasion.outcome }
        let end = await program.run(hook, env: env, directory: "/")
        for line in end.lines { logger.info("\(line)", metadata: ["hook": "\(hook.name)"]) }
        let told = (["\(hook.name) (\(hook.at.rawValue)): \(end.words)"] + end.lines).joined(separator: "\n")
        do { try await tell(.hookEnded, told, end.code, occasion) } catch {
            logger.error("how the hook \(hook.name) ended (\(end.words)) cannot be journaled: \(error)")
        }
        guard end.code != 0 else { return nil }
        return "the hook \(hook.name): \(end.words)" + (end.lines.last.map { ": \($0)" } ?? "")
    }

    private func tell(_ kind: EventKind, _ text: String, _ number: Int, _ occasion: HookOccasion) async throws {
        let event = Event(
            kind, at: now().wall, deployment: occasion.deployment, service: occasion.service,
            release: occasion.release, number: number, text: text)
        try await journal.append([
            JournalEntry(
                kind: .event, environment: occasion.environment, key: "", at: event.at,
                body: event.recorded(version: Event.version))
        ])
    }
}

/// Channels that are programs go to the hooks, the others to the notifiers.
struct TellingDesk: NotifierPort {
    var notifiers: NotifierDesk
    var hooks: HookDesk

    func deliver(_ notification: Notification, over spec: NotifySpec) async -> DeliveryOutcome {
        guard case .hook(let hook) = spec.way else { return await notifiers.deliver(notification, over: spec) }
        let event = notification.event
        let occasion = HookOccasion(
            environment: notification.environment, deployment: event.deployment, service: event.service,
            release: event.release, outcome: notification.kind?.rawValue ?? "", by: event.by)
        // The history has its failure either way.
        guard let trouble = await hooks.run(hook, occasion), !hook.isAdvisory else { return .delivered }
        return .refused(trouble)
    }
}
