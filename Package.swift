// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 mode, strict imports, and no warning is let through.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// Tests of the debug build strike at named places; a released executable has none of them.
let failpoints = BuildSettingCondition.when(configuration: .debug)

/// A floor of the house: the folder tree under `Sources` is the picture of the architecture.
func floor(
    _ name: String, _ path: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = []
) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/" + path, swiftSettings: strict + settings)
}

/// A test target, mirroring a folder of `Sources`.
func tests(
    _ name: String, _ path: String, _ dependencies: [Target.Dependency], resources: [Resource] = [],
    exclude: [String] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/" + path, exclude: exclude, resources: resources,
        swiftSettings: strict)
}

extension Target.Dependency {
    static let arguments = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let asyncHTTPClient = product(name: "AsyncHTTPClient", package: "async-http-client")
    static let collections = product(name: "Collections", package: "swift-collections")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let grdb = product(name: "GRDB", package: "GRDB.swift")
    static let histogram = product(name: "Histogram", package: "hdrhistogram-swift")
    static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
    static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
    static let logging = product(name: "Logging", package: "swift-log")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioFoundation = product(name: "NIOFoundationEssentialsCompat", package: "swift-nio")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
    static let subprocess = product(name: "Subprocess", package: "swift-subprocess")
    static let system = product(name: "SystemPackage", package: "swift-system")
    static let yams = product(name: "Yams", package: "Yams")
}

let core: [Target] = [
    floor("Domain", "Core/Domain", [.crypto]),
    floor("Manifests", "Core/Manifests", ["Domain", .yams]),
    floor("KubernetesObjects", "Core/KubernetesObjects", ["Domain", .yams]),
    floor("Judging", "Core/Judging", ["Domain"]),
    floor("Scaling", "Core/Scaling", ["Domain"]),
    floor("Rollouts", "Core/Rollouts", ["Domain", "Judging", "Scaling"]),
    floor("Deployments", "Core/Deployments", ["Domain", "Judging", "Rollouts"]),
    floor("Planning", "Core/Planning", ["Domain", "Rollouts", "Deployments"]),
]

let middle: [Target] = [
    floor("Ports", "Ports", ["Domain"]),
    floor("Engine", "Engine", ["Domain", "Judging", "Scaling", "Rollouts", "Deployments", "Ports", .logging]),
]

let clients: [Target] = [
    .target(name: "CLinux", path: "Sources/CLinux", cSettings: [.define("FAILPOINTS", failpoints)]),
    floor("KeeperControl", "Clients/KeeperControl", ["CLinux"]),
    floor("ProxyControl", "Clients/ProxyControl"),
    floor("ProxyRoutes", "Clients/ProxyRoutes", ["Domain", "Ports", "ProxyControl"]),
    floor("SecureShell", "Clients/SecureShell", ["CLinux"]),
    floor(
        "KubernetesAPI", "Clients/KubernetesAPI",
        [
            "Asking", "KubernetesObjects", .asyncHTTPClient, .nioCore, .nioHTTP1, .nioPosix, .nioSSL, .yams,
        ]),
    floor(
        "RegistryAPI", "Clients/RegistryAPI",
        ["Asking", "Domain", .asyncHTTPClient, .crypto, .nioCore, .nioHTTP1, .nioSSL]),
    floor("SecretValues", "Clients/SecretValues", ["Domain"]),
    floor("Asking", "Clients/Asking", ["Domain", .subprocess, .system]),
    floor(
        "SupervisorAPI", "Clients/SupervisorAPI",
        ["Domain", .asyncHTTPClient, .nioCore, .nioFoundation, .nioHTTP1]),
]

let adapters: [Target] = [
    floor("DirectoryArtifacts", "Adapters/DirectoryArtifacts", ["Domain", "Ports", "CLinux", .crypto]),
    floor("ProcessRuntime", "Adapters/ProcessRuntime", ["Domain", "Ports", "KeeperControl", "CLinux", .logging]),
    floor(
        "KubernetesCluster", "Adapters/KubernetesCluster",
        [
            "Domain", "Ports", "KubernetesObjects", "KubernetesAPI", "ProxyControl", "ProxyRoutes", "RegistryAPI",
            "Asking",
        ]),
    floor("ClusterJournal", "Adapters/ClusterJournal", ["Domain", "Ports", "KubernetesObjects", "KubernetesAPI"]),
    floor(
        "ProxyRouter", "Adapters/ProxyRouter", ["Domain", "Ports", "ProxyControl", "ProxyRoutes", "KeeperControl"]),
    floor("SQLiteJournal", "Adapters/SQLiteJournal", ["Domain", "Ports", .grdb, .crypto]),
    floor(
        "Gates", "Adapters/Gates",
        [
            "Domain", "Judging", "Ports", "Asking", "SecretValues", "LoadGenerator", .asyncHTTPClient, .crypto,
            .nioCore, .nioHTTP1, .nioPosix,
        ]),
    floor(
        "MetricSources", "Adapters/MetricSources",
        [
            "Domain", "Ports", "Asking", "SecretValues", .asyncHTTPClient, .nioCore, .nioHTTP1, .nioPosix, .nioSSL,
        ]),
    floor(
        "Notifiers", "Adapters/Notifiers",
        ["Domain", "Ports", "SecretValues", .asyncHTTPClient, .crypto, .nioCore, .nioHTTP1, .nioPosix, .nioSSL]),
]

let roles: [Target] = [
    floor("Keeper", "Keeper", ["CLinux", "KeeperControl"]),
    floor("Proxy", "Proxy", ["ProxyControl", .nioCore, .nioPosix]),
    floor(
        "ProxyAgent", "ProxyAgent",
        [
            "KeeperControl", "KubernetesAPI", "KubernetesObjects", "ProxyControl", .httpTypes, .hummingbird, .logging,
            .nioCore,
        ]),
    floor("LoadGenerator", "Load", ["Domain", .nioCore, .nioPosix, .histogram]),
]

let house: [Target] = [
    floor(
        "Server", "Server",
        [
            "Domain", "Rollouts", "Judging", "Scaling", "Deployments", "Planning", "Ports", "Engine", "SupervisorAPI",
            .hummingbird,
            .httpTypes, .nioCore, .nioFoundation, .logging,
        ]),
    floor(
        "Commands", "Commands",
        [
            "Domain", "Manifests", "KubernetesObjects", "Judging", "Rollouts", "Deployments", "Planning", "Ports",
            "Engine", "Server",
            "SupervisorAPI", "KeeperControl", "ProxyControl", "ProxyRoutes", "SecureShell", "CLinux",
            "Keeper", "Proxy", "ProxyAgent",
            "LoadGenerator", "RegistryAPI",
            "DirectoryArtifacts",
            "ProcessRuntime", "ProxyRouter", "KubernetesCluster", "KubernetesAPI", "ClusterJournal", "SQLiteJournal",
            "Gates", "MetricSources",
            "Notifiers",
            .arguments,
            .asyncHTTPClient,
            .httpTypes,
            .hummingbird,
            .logging,
        ], settings: [.define("FAILPOINTS", failpoints)]),
    .executableTarget(
        name: "slipway", dependencies: ["Commands", .arguments], path: "Sources/slipway", swiftSettings: strict,
        // It can pack relocations (scripts/release); the default linker cannot. Only linking is affected.
        linkerSettings: [.unsafeFlags(["-use-ld=lld"], .when(platforms: [.linux], configuration: .release))]),
]

let conformance: [Target] = [
    .target(
        name: "ClusterConformance", dependencies: ["KubernetesAPI", "KubernetesObjects", .yams],
        path: "Tests/Conformance/ClusterConformance", exclude: ["Cases", "Answers"], swiftSettings: strict),
    // A cluster for tests, over HTTP.
    .target(
        name: "ClusterDouble",
        dependencies: [
            "CLinux", "Domain", "KubernetesObjects", "KubernetesAPI", "TestServers", .asyncHTTPClient, .httpTypes,
            .hummingbird, .logging, .nioCore, .nioHTTP1, .nioPosix,
        ],
        path: "Tests/Doubles/ClusterDouble", swiftSettings: strict),
    // Instances and clients of tests, on this machine's own addresses.
    .target(
        name: "LoopbackServers", dependencies: ["Domain", "RouterConformance", "TestServers"],
        path: "Tests/Support/LoopbackServers", swiftSettings: strict),
    // Servers that tests start and stop, for suites of several floors.
    .target(name: "TestServers", path: "Tests/Support/TestServers", swiftSettings: strict),
    .target(
        name: "GateConformance", dependencies: ["Domain", "Ports"], path: "Tests/Conformance/GateConformance",
        swiftSettings: strict),
    .target(
        name: "JournalConformance", dependencies: ["Domain", "Ports"], path: "Tests/Conformance/JournalConformance",
        swiftSettings: strict),
    .target(
        name: "MetricSourceConformance", dependencies: ["Domain", "Ports"],
        path: "Tests/Conformance/MetricSourceConformance", swiftSettings: strict),
    .target(
        name: "MigrationConformance", dependencies: ["Domain", "Ports"],
        path: "Tests/Conformance/MigrationConformance", swiftSettings: strict),
    .target(
        name: "RouterConformance", dependencies: ["Domain", "Ports"], path: "Tests/Conformance/RouterConformance",
        swiftSettings: strict),
    .target(
        name: "RuntimeConformance", dependencies: ["Domain", "Ports"], path: "Tests/Conformance/RuntimeConformance",
        swiftSettings: strict),
]

let simulation: [Target] = [
    .target(
        name: "SimulationHarness",
        dependencies: ["Domain", "Judging", "Scaling", "Rollouts", "Deployments", "Ports", "Engine"],
        path: "Tests/Simulation/Harness", swiftSettings: strict),
    .executableTarget(
        name: "slipway-judge-study",
        dependencies: [
            "Domain", "Judging", "Ports", "Gates", "ProxyControl", "ProxyRoutes", "Proxy", "ProxyRouter", .arguments,
        ],
        path: "Tests/Judging/Study", swiftSettings: strict),
    .executableTarget(
        name: "slipway-simulate", dependencies: ["SimulationHarness", .arguments], path: "Tests/Simulation/Command",
        swiftSettings: strict),
]

let probes: [Target] = [
    .executableTarget(
        name: "cluster-double", dependencies: ["ClusterDouble", .arguments], path: "Tests/Doubles/Command",
        swiftSettings: strict),
    .executableTarget(
        name: "keeper-probe", dependencies: ["CLinux", "KeeperControl", "Keeper"], path: "Tests/Keeper/Probe",
        swiftSettings: strict),
    .executableTarget(
        name: "journal-crash-probe", dependencies: ["Domain", "Ports", "SQLiteJournal"],
        path: "Tests/Adapters/SQLiteJournal/CrashProbe", swiftSettings: strict),
]

let checks: [Target] = [
    tests("TidyTests", "Tidy", []),
    tests("DomainTests", "Core/Domain", ["Domain"]),
    tests(
        "KubernetesObjectsTests", "Core/KubernetesObjects", ["Domain", "Manifests", "KubernetesObjects", .yams],
        exclude: ["Goldens"]),
    tests("JudgingTests", "Core/Judging", ["Domain", "Judging"], exclude: ["Fixtures"]),
    tests("ScalingTests", "Core/Scaling", ["Domain", "Scaling"]),
    tests("RolloutsTests", "Core/Rollouts", ["Domain", "Judging", "Scaling", "Rollouts"]),
    tests("DeploymentsTests", "Core/Deployments", ["Domain", "Judging", "Rollouts", "Deployments"]),
    tests("PlanningTests", "Core/Planning", ["Domain", "Rollouts", "Deployments", "Planning"]),
    tests(
        "EngineTests", "Engine",
        [
            "Domain", "Judging", "Rollouts", "Deployments", "Ports", "Engine", "JournalConformance", .logging,
        ]),
    tests(
        "SimulationTests", "Simulation/Checks",
        ["SimulationHarness", "Domain", "Judging", "Rollouts", "Deployments", "Ports", "Engine"]),
    tests("TraceTests", "Traces", ["SimulationHarness"], exclude: ["Scripts"]),
    tests(
        "ClusterFaultTests", "Simulation/ClusterFaults",
        [
            "Domain", "Rollouts", "Deployments", "Ports", "Engine", "KubernetesAPI", "KubernetesObjects",
            "KubernetesCluster", "ClusterDouble", "JournalConformance", .logging,
        ]),
    tests("ManifestsTests", "Core/Manifests", ["Manifests", "Domain"], exclude: ["Fixtures"]),
    tests(
        "CommandsTests", "Commands",
        [
            "Commands", "Manifests", "KubernetesObjects", "Domain", "Judging", "Rollouts", "Deployments",
            "SupervisorAPI", "SecureShell", "LoadGenerator", .arguments,
        ],
        exclude: ["Fixtures", "Golden"]),
    tests(
        "KeeperTests", "Keeper", ["CLinux", "KeeperControl", "Keeper", "keeper-probe"], exclude: ["Probe"]),
    tests("KeeperControlTests", "Clients/KeeperControl", ["CLinux", "KeeperControl"]),
    tests("LoadTests", "Load", ["Domain", "LoadGenerator", .nioCore, .nioPosix]),
    tests("ProxyTests", "Proxy", ["Proxy", "ProxyControl"]),
    tests("ProxyControlTests", "Clients/ProxyControl", ["ProxyControl"]),
    tests("SecureShellTests", "Clients/SecureShell", ["SecureShell"]),
    tests("AskingTests", "Clients/Asking", ["Asking"]),
    tests(
        "KubernetesAPITests", "Clients/KubernetesAPI",
        ["KubernetesAPI", "KubernetesObjects", "ClusterDouble", "TestServers", .nioCore]),
    tests("RegistryAPITests", "Clients/RegistryAPI", ["RegistryAPI", "Asking", "Domain", "TestServers"]),
    tests(
        "ClusterConformanceTests", "Conformance/ClusterConformanceTests",
        ["ClusterConformance", "KubernetesAPI", "KubernetesObjects"]),
    tests(
        "KubernetesClusterTests", "Adapters/KubernetesCluster",
        [
            "KubernetesCluster", "KubernetesAPI", "KubernetesObjects", "RegistryAPI", "Domain", "Ports",
            "ClusterDouble", "LoopbackServers", "ProxyControl", "RouterConformance", "RuntimeConformance",
            "MigrationConformance", "slipway",
        ]),
    tests(
        "ClusterDoubleTests", "Doubles/Checks",
        [
            "ClusterDouble", "ClusterConformance", "Domain", "KubernetesAPI", "KubernetesObjects", "LoopbackServers",
            "RouterConformance", .asyncHTTPClient, .nioCore, .nioHTTP1,
        ]),
    tests(
        "ClusterJournalTests", "Adapters/ClusterJournal",
        [
            "ClusterJournal", "KubernetesAPI", "KubernetesObjects", "Domain", "Ports", "ClusterDouble",
            "JournalConformance",
        ]),
    tests("SecretValuesTests", "Clients/SecretValues", ["SecretValues", "Domain"]),
    tests("NotifiersTests", "Adapters/Notifiers", ["Domain", "Ports", "Notifiers", "TestServers", .crypto]),
    tests(
        "GatesTests", "Adapters/Gates",
        ["Domain", "Judging", "Ports", "Asking", "Gates", "GateConformance", "TestServers"]),
    tests(
        "MetricSourcesTests", "Adapters/MetricSources",
        ["Domain", "Ports", "Gates", "MetricSources", "MetricSourceConformance", "TestServers"]),
    tests(
        "ProxyRouterTests", "Adapters/ProxyRouter",
        [
            "Domain", "Ports", "Proxy", "ProxyControl", "ProxyRoutes", "ProxyRouter", "Gates", "KeeperControl",
            "LoopbackServers", "RouterConformance", "TestServers",
        ]),
    tests("ProxyRoutesTests", "Clients/ProxyRoutes", ["Domain", "Ports", "ProxyControl", "ProxyRoutes"]),
    tests(
        "ProxyAgentTests", "ProxyAgent",
        ["KubernetesAPI", "KubernetesObjects", "ProxyAgent", "ProxyControl"]),
    tests(
        "SQLiteJournalTests", "Adapters/SQLiteJournal",
        ["Domain", "Ports", "SQLiteJournal", "JournalConformance", "journal-crash-probe", .grdb],
        exclude: ["CrashProbe"]),
    tests("DirectoryArtifactsTests", "Adapters/DirectoryArtifacts", ["DirectoryArtifacts", "Domain", "Ports"]),
    tests(
        "ProcessRuntimeTests", "Adapters/ProcessRuntime",
        [
            "ProcessRuntime", "DirectoryArtifacts", "RuntimeConformance", "MigrationConformance", "KeeperControl",
            "CLinux",
            "Domain", "Ports",
            "keeper-probe", .logging,
        ]),
]

let package = Package(
    name: "slipway",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "slipway", targets: ["slipway"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: core + middle + clients + adapters + roles + house + conformance + simulation + probes + checks
)
