import Testing

@testable import Commands

@Suite("Which server drives an environment")
struct ServerOptionTests {
    @Test(
        "--server",
        arguments: [
            ("here", ServerOption.here),
            ("cluster", .cluster(context: nil, namespace: nil)),
            ("cluster:prod", .cluster(context: "prod", namespace: nil)),
            ("cluster:prod/platform", .cluster(context: "prod", namespace: "platform")),
            ("cluster:/platform", .cluster(context: nil, namespace: "platform")),
            ("cluster:arn:aws:eks:eu/one/platform", .cluster(context: "arn:aws:eks:eu/one", namespace: "platform")),
            ("cluster:user@prod:6443/Ada", .cluster(context: "user@prod:6443/Ada", namespace: nil)),
        ])
    func words(_ text: String, _ option: ServerOption) {
        #expect(ServerOption(argument: text) == option)
    }

    @Test("other words are none", arguments: ["", "there", "cluster:", "clusters:prod"])
    func others(_ text: String) {
        #expect(ServerOption(argument: text) == nil)
    }

    @Test("a seat says where it is, and how to come by a server there")
    func words() {
        let seat = ClusterSeat(context: "prod", namespace: "platform")
        #expect("\(seat)" == "the server in namespace platform of the cluster prod")
        #expect(seat.installation == "slipway install server --context prod --namespace platform")
        #expect(ClusterSeat().installation == "slipway install server")
    }
}
