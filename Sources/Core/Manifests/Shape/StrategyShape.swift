/// The shapes of the four strategies.
enum StrategyShape {
    static let names = ["rolling", "blueGreen", "canary", "recreate"]

    static let strategy = Shape.wordOr(
        .word(["rolling", "blueGreen", "recreate"]),
        MapShape(
            title: "a strategy",
            fields: [
                Field(
                    "rolling", .map(rolling), example: "rolling: { maxSurge: 1, maxUnavailable: 0 }",
                    "Replaces instances a few at a time."),
                Field(
                    "blueGreen", .map(blueGreen), example: "blueGreen: { before: [smoke] }",
                    "Brings the new release up beside the old one, then switches all traffic at once."),
                Field(
                    "canary", .map(canary), example: "canary: { steps: [{ weight: 10% }, { hold: 5m }] }",
                    "Gives the new release a growing share of the traffic."),
                Field(
                    "recreate", .map(recreate), example: "recreate: { hold: { time: 30s } }",
                    "Stops the old release before it starts the new one; requests wait meanwhile."),
            ], choices: [Choice(keys: names, isRequired: true)]))

    static func gateList(_ itemTitle: String = "a gate") -> Shape {
        .list(ListShape(title: "a list of gates", itemTitle: itemTitle, item: .scalar(.name), isUnique: true))
    }

    private static func common(scaleDownDelay: String) -> [Field] {
        [
            Field(
                "background", gateList(), example: "background: [errors]",
                "Gates that look all the time, from the first traffic on."),
            Field(
                "minReady", .scalar(.duration(mayBeZero: true)), standard: "0s", example: "minReady: 5s",
                "An instance counts only when it has been ready for so long without a break."),
            Field(
                "progressDeadline", .scalar(.duration(mayBeZero: false)), standard: "10m",
                example: "progressDeadline: 10m",
                "Without any progress for so long the rollout fails. Holds and gates have limits of their own."),
            Field(
                "scaleDownDelay", .scalar(.duration(mayBeZero: true)), standard: scaleDownDelay,
                example: "scaleDownDelay: 30s", "How long the previous release stays warm after the commit."),
            Field(
                "keepWarm", .scalar(.integer(0...1000)), standard: "0", example: "keepWarm: 1",
                "So many instances of the previous release stay warm after that, until the next deployment."),
            Field(
                "onFailure", .scalar(.word(["revert", "hold"])), standard: "revert", example: "onFailure: hold",
                "`hold`: a rollout that fails is kept for inspection. Traffic goes back to the stable release, the new "
                    + "instances stay up without any, and `slipway abort` or `slipway retry` has the next word."),
        ]
    }

    static let rolling = MapShape(
        title: "a rolling strategy",
        fields: [
            Field(
                "maxSurge", .scalar(.amount), standard: "1", example: "maxSurge: 1",
                "Instances above `replicas` meanwhile: a number, or a share, rounded up."),
            Field(
                "maxUnavailable", .scalar(.amount), standard: "0", example: "maxUnavailable: 25%",
                "Instances that may be missing meanwhile: a number, or a share, rounded down."),
            Field("gates", gateList(), example: "gates: [smoke]", "Gates when all instances are replaced."),
        ] + common(scaleDownDelay: "0s"))

    static let blueGreen = MapShape(
        title: "a blue-green strategy",
        fields: [
            Field("before", gateList(), example: "before: [smoke]", "Gates on the preview, before the switch."),
            Field(
                "after", gateList(), example: "after: [errors]",
                "Gates after the switch, while the old release is still warm."),
            Field(
                "autoPromote", .scalar(.boolean), standard: "true", example: "autoPromote: false",
                "False: waits for a person (`slipway promote`) before the switch."),
            Field(
                "matches", matches, example: "matches: [{ header: X-Preview, equals: \"1\" }]",
                "Requests that reach the preview before the switch."),
        ] + common(scaleDownDelay: "30s"))

    static let canary = MapShape(
        title: "a canary strategy",
        fields: [
            Field(
                "steps",
                .list(ListShape(title: "a list of steps", itemTitle: "a step", item: .map(step), minimum: 1)),
                required: true, example: "steps: [{ weight: 10% }, { gate: smoke }, { weight: 50% }, { hold: 5m }]",
                "What happens, in order. After the last step the new release gets everything."),
            Field(
                "sticky", .scalar(.boolean), standard: "true", example: "sticky: false",
                "Users stay on the side that they first saw, by a cookie that the router sets."),
            Field(
                "matches", matches, example: "matches: [{ cookie: tester, equals: \"yes\" }]",
                "Requests that reach the new release, whatever the weight."),
        ] + common(scaleDownDelay: "30s"))

    static let step = MapShape(
        title: "a step",
        fields: [
            Field(
                "weight", .scalar(.weight), example: "weight: 5%", "The new release's share of the traffic from now on."
            ),
            Field("hold", .scalar(.hold), example: "hold: 2m", "Waits so long, or `untilPromoted` for a person."),
            Field("gate", .scalar(.name), example: "gate: smoke", "Asks a gate, and goes on when it passes."),
        ], choices: [Choice(keys: ["weight", "hold", "gate"], isRequired: true)])

    static let matches = Shape.list(
        ListShape(title: "a list of matches", itemTitle: "a match", item: .map(match), minimum: 1))

    static let match = MapShape(
        title: "a match",
        fields: [
            Field("header", .scalar(.headerName), example: "header: X-Canary", "The name of a header."),
            Field("cookie", .scalar(.headerName), example: "cookie: tester", "The name of a cookie."),
            Field("equals", .scalar(.text), required: true, example: "equals: \"1\"", "The value that it must have."),
        ], choices: [Choice(keys: ["header", "cookie"], isRequired: true)])

    static let recreate = MapShape(
        title: "a recreate strategy",
        fields: [
            Field(
                "hold", .map(hold), example: "hold: { requests: 1000, time: 30s }",
                "How many requests may wait while nothing serves."),
            Field("gates", gateList(), example: "gates: [smoke]", "Gates on the new release, before requests go on."),
        ] + common(scaleDownDelay: "0s"))

    static let hold = MapShape(
        title: "a hold of requests",
        fields: [
            Field(
                "requests", .scalar(.integer(0...1_000_000)), standard: "1000", example: "requests: 1000",
                "At most so many wait; more are answered 503."),
            Field(
                "bytes", .scalar(.size), standard: "16Mi", example: "bytes: 16Mi", "Together at most so large."),
            Field(
                "time", .scalar(.duration(mayBeZero: false)), standard: "30s", example: "time: 30s",
                "Each at most so long."),
        ])
}
