// swift-tools-version: 6.0
import PackageDescription
let package = Package(
    name: "Things",
    products: [
        .executable(name: "ThingServer", targets: ["ThingServer"]), .executable(name: "tool", targets: ["tool"]),
    ],
    dependencies: [.package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0")],
    targets: [.executableTarget(name: "ThingServer")]
)
