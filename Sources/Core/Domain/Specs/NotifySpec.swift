/// A channel by which people or programs are told what happens in an environment.
package struct NotifySpec: Hashable, Sendable, Codable {
    /// As the manifest calls it.
    package var name: String
    package var way: NotifyWay
    /// What is told; in the order of `NotifyKind.allCases`.
    package var kinds: [NotifyKind]

    package init(name: String, way: NotifyWay, kinds: [NotifyKind] = NotifyKind.allCases) {
        self.name = name
        self.way = way
        self.kinds = kinds
    }
}

/// How a channel is reached.
package enum NotifyWay: Hashable, Sendable, Codable {
    case webhook(WebhookSpec)
    case email(EmailSpec)
    /// A program on this machine; never asked twice for one event.
    case hook(HookSpec)
}

/// What a notification is about.
package enum NotifyKind: String, Hashable, Sendable, Codable, CaseIterable {
    case started
    case committed
    case reverted
    /// A rollout failed; what follows is a revert.
    case failed
    case needsPerson
    /// A person is still awaited.
    case reminder
    case quarantined

    /// Nil for events that nobody is told of.
    package init?(_ event: EventKind) {
        switch event {
        case .deploymentStarted: self = .started
        case .committed: self = .committed
        case .deploymentReverted, .takenBack: self = .reverted
        case .deploymentFailed: self = .failed
        case .needsPerson, .heldForInspection, .atCrossroads: self = .needsPerson
        case .reminder: self = .reminder
        case .quarantined: self = .quarantined
        case .other, .rolloutStarted, .stageStarted, .weightMoved, .gateStarted, .gatePassed, .gateFailed, .gateSkipped,
            .holdEnded, .arrived, .revertStarted, .reverted, .paused, .resumed, .promoteAsked, .abortAsked, .retryAsked,
            .quarantineLifted, .scaledDown, .downAsked, .down, .supervisorStarted, .lookFailed,
            .preflightSkipped, .trialRestarted, .approved, .rejected, .approvalExpired,
            .migrationStarted, .migrationEnded, .migrationFailed, .migrationAnswered, .scaled, .scaleAsked,
            .instanceEnded, .instanceRecovered, .hookStarted, .hookEnded, .watchStarted, .watchPassed,
            .watchFailed, .watchEnded, .baselineStarted, .baselineEnded:
            return nil
        }
    }
}

/// An HTTP receiver.
package struct WebhookSpec: Hashable, Sendable, Codable {
    package var address: WebhookAddress
    /// Signs what is sent; nil: unsigned.
    package var secret: SecretSource?
    package var format: WebhookFormat
    /// For one attempt.
    package var timeout: Span

    package init(
        address: WebhookAddress, secret: SecretSource? = nil, format: WebhookFormat = .json,
        timeout: Span = .seconds(10)
    ) {
        self.address = address
        self.secret = secret
        self.format = format
        self.timeout = timeout
    }
}

/// Where a webhook goes. A URL that carries a token is a secret itself.
package enum WebhookAddress: Hashable, Sendable, Codable {
    case url(String)
    case secret(SecretSource)
}

/// What the body of a webhook is.
package enum WebhookFormat: String, Hashable, Sendable, Codable, CaseIterable {
    /// All fields, and `text`.
    case json
    /// Only `text`, as Slack's and Mattermost's incoming webhooks take it.
    case slack
}

/// Mail by way of an SMTP server.
package struct EmailSpec: Hashable, Sendable, Codable {
    package var host: String
    package var port: Int
    package var tls: MailSecurity
    package var from: String
    package var to: [String]
    /// Nil: no authentication.
    package var user: String?
    package var password: SecretSource?
    /// A PEM file with the authorities to trust; nil: the system's.
    package var authorities: String?
    /// For one attempt.
    package var timeout: Span

    package init(
        host: String, port: Int, tls: MailSecurity = .auto, from: String, to: [String], user: String? = nil,
        password: SecretSource? = nil, authorities: String? = nil, timeout: Span = .seconds(30)
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.from = from
        self.to = to
        self.user = user
        self.password = password
        self.authorities = authorities
        self.timeout = timeout
    }
}

/// How the way to a mail server is protected.
package enum MailSecurity: String, Hashable, Sendable, Codable, CaseIterable {
    /// TLS from the start on port 465, else STARTTLS where it is offered.
    case auto
    /// STARTTLS, or nothing is sent.
    case starttls
    /// TLS from the start.
    case tls
    case none
}

/// Where a secret's value is found when it is needed. The value itself is in no manifest, record or message.
package enum SecretSource: Hashable, Sendable, Codable, CustomStringConvertible {
    /// A variable in the supervisor's environment.
    case variable(String)
    /// A file; absolute.
    case file(String)

    /// Reads `env:NAME` and `file:/path`; nil for anything else.
    package init?(_ text: String) {
        if text.hasPrefix("env:"), text.utf8.count > 4 {
            self = .variable(String(text.dropFirst(4)))
        } else if text.hasPrefix("file:/") {
            self = .file(String(text.dropFirst(5)))
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .variable(let name): "env:\(name)"
        case .file(let path): "file:\(path)"
        }
    }
}
