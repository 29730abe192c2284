package import Domain
package import Ports

/// Carries notifications: hands each to what can reach its channel.
package struct NotifierDesk: NotifierPort {
    private let webhook: WebhookNotifier
    private let mail: MailNotifier

    /// - Parameters:
    ///   - version: of this binary, told to receivers.
    ///   - now: milliseconds since 1970.
    package init(version: String, now: @escaping @Sendable () -> Int64) {
        webhook = WebhookNotifier(now: now, version: version)
        mail = MailNotifier(now: now)
    }

    package func deliver(_ notification: Notification, over spec: NotifySpec) async -> DeliveryOutcome {
        switch spec.way {
        case .webhook(let webhook): await self.webhook.deliver(notification, webhook)
        case .email(let email): await mail.deliver(notification, email)
        case .hook(let hook): .refused("\(hook.name) is a program, not a receiver")
        }
    }
}
