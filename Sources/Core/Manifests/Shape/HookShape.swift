import Domain

/// The shape of `hooks:`.
enum HookShape {
    static let hooks = Shape.entries(
        EntriesShape(
            title: "a map from names to hooks", key: .name, keyTitle: "the name of a hook", value: .map(hook),
            maximum: 50))

    static let hook = MapShape(
        title: "a hook",
        fields: [
            Field(
                "at", .scalar(.word(HookPoint.allCases.map(\.rawValue))), required: true, example: "at: beforeDeploy",
                "When it runs."),
            Field(
                "command", ManifestShape.arguments(), required: true,
                example: "command: [/opt/shop/announce, \"--quiet\"]",
                "The program. Paths are absolute, or found in `PATH`; before promotion also relative to the artifact."),
            Field("env", ManifestShape.env, example: "env: { ROOM: deploys }", "Its variables, beside Slipway's."),
            Field(
                "timeout", .scalar(.duration(mayBeZero: false)), standard: "60s", example: "timeout: 30s",
                "Then it is stopped, and has failed."),
            Field(
                "onFailure", .scalar(.word(["fail", "ignore"])), standard: "fail", example: "onFailure: ignore",
                "Whether its failure stops what it runs before."),
        ])
}
