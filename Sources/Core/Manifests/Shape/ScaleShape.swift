/// The shape of what moves the count of a service's instances.
enum ScaleShape {
    static let scale = MapShape(
        title: "the scaling",
        fields: [
            Field(
                "min", .scalar(.integer(1...1000)), standard: "1", example: "min: 2",
                "There are never fewer instances."),
            Field(
                "max", .scalar(.integer(1...1000)), required: true, example: "max: 10",
                "There are never more instances, by load; those of a release on trial come on top."),
            Field(
                "cpu", .scalar(.weight), example: "cpu: 70%",
                "How busy instances should be: of the CPU that they ask for in `resources`, else of one core."),
            Field(
                "memory", .scalar(.weight), example: "memory: 80%",
                "How full instances should be: of the memory that they ask for in `resources`."),
            Field(
                "requests", .scalar(.rate), example: "requests: 100/s",
                "How many requests an instance should get."),
            Field(
                "stabilise", .map(stabilise), example: "stabilise: { up: 30s, down: 5m }",
                "How long a load must last before it changes the count."),
            Field(
                "tolerance", .scalar(.weight), standard: "10%", example: "tolerance: 10%",
                "A load that is off by no more leaves the count alone."),
        ])

    private static let stabilise = MapShape(
        title: "the stabilisation",
        fields: [
            Field(
                "up", .scalar(.duration(mayBeZero: true)), standard: "30s", example: "up: 30s",
                "More instances when they were needed throughout this time."),
            Field(
                "down", .scalar(.duration(mayBeZero: true)), standard: "5m", example: "down: 5m",
                "Fewer instances when no more were needed at any moment of this time."),
        ])
}
