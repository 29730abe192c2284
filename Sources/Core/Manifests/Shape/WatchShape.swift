/// The shape of what looks after a release that was promoted.
enum WatchShape {
    static let watch = MapShape(
        title: "the watch",
        fields: [
            Field(
                "for", .scalar(.duration(mayBeZero: false)), required: true, example: "for: 10m",
                "How long, from the commit on. A release whose instances fail in this time has failed."),
            Field(
                "gates", StrategyShape.gateList(), example: "gates: [errors]",
                "Gates that look all the time meanwhile. Each must have passed once; until then the watch goes on."),
            Field(
                "onFailure", .scalar(.word(["revert", "hold"])), standard: "revert", example: "onFailure: hold",
                "`revert`: what stood before the deployment is deployed again, all its services, last wave first. "
                    + "`hold`: nothing is touched, and a person is asked. The strategy's own `onFailure` does not count here."
            ),
        ])
}
