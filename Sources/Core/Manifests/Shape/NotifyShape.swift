import Domain

/// The shape of `notify:`.
enum NotifyShape {
    static let ways = ["webhook", "email"]

    static let channels = Shape.entries(
        EntriesShape(
            title: "a map from names to channels", key: .name, keyTitle: "the name of a channel",
            value: .map(channel), maximum: 50))

    static let channel = MapShape(
        title: "a channel",
        fields: [
            Field(
                "webhook", .map(webhook), example: "webhook: { url: \"https://hooks.example.com/deploys\" }",
                "A POST to an HTTP server."),
            Field(
                "email", .map(email),
                example:
                    "email: { to: [ops@example.com], from: slipway@example.com, server: \"mail.example.com:587\" }",
                "A mail by way of an SMTP server."),
            Field(
                "events",
                .list(
                    ListShape(
                        title: "a list of events", itemTitle: "an event",
                        item: .scalar(.word(NotifyKind.allCases.map(\.rawValue))), minimum: 1, isUnique: true)),
                standard: "all", example: "events: [failed, reverted, needsPerson, reminder]",
                "What is told: " + NotifyKind.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ") + "."),
            Field(
                "environments",
                .list(
                    ListShape(
                        title: "a list of environments", itemTitle: "an environment", item: .scalar(.name), minimum: 1,
                        isUnique: true)),
                standard: "all", example: "environments: [production]", "Only what happens in these environments."),
        ], choices: [Choice(keys: ways, isRequired: true)])

    static let webhook = MapShape(
        title: "a webhook",
        fields: [
            Field(
                "url", .scalar(.form(.webURL)), example: "url: \"https://hooks.example.com/deploys\"",
                "Where to send. Redirects are not followed."),
            Field(
                "urlFrom", .scalar(.form(.secretSource)), example: "urlFrom: \"file:/etc/slipway/slack-url\"",
                "Where the URL is found, when it is a secret itself."),
            Field(
                "secret", .scalar(.form(.secretSource)), example: "secret: \"env:OPS_SECRET\"",
                "Where the secret is found that signs what is sent (HMAC-SHA256)."),
            Field(
                "format", .scalar(.word(WebhookFormat.allCases.map(\.rawValue))), standard: "json",
                example: "format: slack", "`json`: every field; `slack`: only `text`, as chats take it."),
            Field(
                "timeout", .scalar(.duration(mayBeZero: false)), standard: "10s", example: "timeout: 10s",
                "For one attempt."),
        ], choices: [Choice(keys: ["url", "urlFrom"], isRequired: true)])

    static let email = MapShape(
        title: "a mail",
        fields: [
            Field(
                "to",
                .list(
                    ListShape(
                        title: "a list of mail addresses", itemTitle: "a mail address",
                        item: .scalar(.form(.mailAddress)), minimum: 1, maximum: 50, isUnique: true)),
                required: true, example: "to: [ops@example.com]", "Who gets it."),
            Field(
                "from", .scalar(.form(.mailAddress)), required: true, example: "from: slipway@example.com",
                "Who it comes from."),
            Field(
                "server", .scalar(.form(.mailServer)), required: true, example: "server: \"mail.example.com:587\"",
                "The SMTP server."),
            Field(
                "tls", .scalar(.word(MailSecurity.allCases.map(\.rawValue))), standard: "auto",
                example: "tls: starttls",
                "`auto`: TLS on port 465, else STARTTLS where it is offered; `starttls`: or nothing is sent; `tls`: from "
                    + "the start; `none`."),
            Field("user", .scalar(.filled), example: "user: slipway", "Who logs in; a password belongs to it."),
            Field(
                "password", .scalar(.form(.secretSource)), example: "password: \"file:/etc/slipway/mail\"",
                "Where the password is found. It is sent over TLS only, or to this machine."),
            Field(
                "authorities", .scalar(.path), standard: "the system's", example: "authorities: /etc/ssl/ours.pem",
                "A PEM file with the certificate authorities to trust."),
            Field(
                "timeout", .scalar(.duration(mayBeZero: false)), standard: "30s", example: "timeout: 30s",
                "For one attempt."),
        ])
}
