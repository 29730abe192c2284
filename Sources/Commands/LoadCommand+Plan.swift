import Domain
import FoundationEssentials
import LoadGenerator
import Manifests

/// What the options and the scenario ask for.
extension LoadCommand {
    func plan() throws -> LoadPlan {
        let given = [
            rate != nil ? "--rate" : nil, connections != nil ? "--connections" : nil, ramp != nil ? "--ramp" : nil,
        ]
        .compactMap { $0 }
        if given.count > 1 {
            throw UsageProblem(
                "\(given.joined(separator: " and ")) exclude each other",
                "choose a constant rate, a closed loop, or a ramp")
        }
        var plan = try scenario.map(scenarioPlan) ?? singlePlan()
        plan.thresholds += try threshold.map(Self.threshold)
        plan.requestLimit = requests
        plan.groupBy = groupBy
        plan.connectTo = try connect.map { try LoadTarget.Endpoint(parsing: $0) }
        plan.retryStale = retryStale
        plan.clientErrorsFail = !allowClientErrors
        return plan
    }

    /// One request, again and again.
    private func singlePlan() throws -> LoadPlan {
        guard let url else {
            throw UsageProblem("there is no URL to send requests to", "give one, or --scenario with a `url`")
        }
        let bytes = try body.map(Self.readBody)
        let request = LoadRequest(
            method: method ?? (bytes == nil ? "GET" : "POST"), fields: try headers.map(Self.field), body: bytes)
        let arrival: LoadPlan.Arrival
        if let connections {
            arrival = .closedLoop(connections: connections)
        } else if let ramp {
            arrival = .ramp(try Self.profile(ramp), maxConnections: maxConnections ?? 512)
        } else {
            arrival = .rate(perSecond: rate ?? 200, maxConnections: maxConnections ?? 512)
        }
        let length = try duration.map(Self.duration) ?? (requests == nil && ramp == nil ? .seconds(10) : nil)
        if ramp != nil, length != nil {
            throw UsageProblem("--ramp and --for exclude each other", "the ramp's stages say how long it takes")
        }
        return LoadPlan(
            target: try LoadTarget(url: url), request: request, arrival: arrival, duration: length,
            timeout: try timeout.map(Self.duration) ?? .seconds(5), users: users)
    }

    /// What the file says, where the command line says nothing else.
    private func scenarioPlan(_ path: String) throws -> LoadPlan {
        let misplaced = [
            connections != nil ? "--connections" : nil, users != 0 ? "--users" : nil,
            method != nil ? "--method" : nil, body != nil ? "--body" : nil,
        ].compactMap { $0 }
        if let option = misplaced.first {
            throw UsageProblem(
                "\(option) and --scenario exclude each other",
                "the scenario says what is sent; --rate, --for and --ramp '50 users for 1m' say how much")
        }
        let found = try Self.readScenario(path)
        guard let address = url ?? found.url else {
            throw UsageProblem("\(path) has no `url`", "add one, or give it on the command line")
        }
        var load = found.load
        if let ramp {
            load.ramp = try Self.profile(ramp)
        } else if rate != nil || duration != nil {
            load.ramp = nil
        }
        if let maxConnections { load.connections = maxConnections }
        var plan = LoadPlan(
            load, target: try LoadTarget(url: address),
            seed: seed ?? UInt64.random(in: 0...UInt64(UInt32.max)))
        if let seed { plan.seed = seed }
        if let rate { plan.arrival = .rate(perSecond: rate, maxConnections: load.connections) }
        if let duration { plan.duration = try Self.duration(duration) }
        if let timeout { plan.timeout = try Self.duration(timeout) }
        plan.request.fields += try headers.map(Self.field)
        return plan
    }

    private static func readScenario(_ path: String) throws -> Scenario {
        let text: String
        switch ManifestFile.readText(path) {
        case .success(let content): text = content
        case .failure(let error):
            throw UsageProblem("the scenario \(path) cannot be read: \(error.reason)", "name a file that exists")
        }
        let parsed = Scenario.parse(text: text, file: path)
        let lines = parsed.diagnostics.map { $0.rendered(source: text) }.joined()
        guard let scenario = parsed.scenario else {
            throw UsageProblem("\(path) cannot be used\n\(lines.dropLast())", "")
        }
        if !lines.isEmpty { LoadView.put(lines) }
        return scenario
    }

    private static func profile(_ text: String) throws -> LoadProfile {
        guard let profile = LoadProfile(parsing: text) else {
            throw UsageProblem(
                "'\(text)' is no ramp",
                "write stages such as '0 -> 500/s in 30s, hold 2m, -> 0/s in 10s', '200/s for 1m' or '50 users for 5m'")
        }
        return profile
    }

    private static func threshold(_ text: String) throws -> LoadThreshold {
        guard let threshold = LoadThreshold(parsing: text) else {
            throw UsageProblem(
                "'\(text)' is no threshold",
                "write 'p95 < 200ms' (also mean, max), 'errors < 0.1%' or 'rate > 1000/s'; of one request: 'search p95 < 1s'"
            )
        }
        return threshold
    }

    static func field(_ text: String) throws -> LoadRequest.Field {
        guard let colon = text.firstIndex(of: ":") else {
            throw UsageProblem("'\(text)' is not a header", "write --header 'Name: value'")
        }
        var value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        while let last = value.last, last == " " || last == "\t" { value.removeLast() }
        return LoadRequest.Field(String(text[..<colon]), String(value))
    }

    static func readBody(_ text: String) throws -> [UInt8] {
        guard text.hasPrefix("@") else { return Array(text.utf8) }
        let path = String(text.dropFirst())
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw UsageProblem("the body cannot be read from '\(path)': \(error)", "name a file that exists")
        }
    }

    /// Reads `500ms`, `10s`, `1.5m` or `2h`.
    static func duration(_ text: String) throws -> Duration {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]
        for (unit, seconds) in units where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number >= 0, number <= 1e9 else { break }
            return .nanoseconds(Int64((number * seconds * 1e9).rounded()))
        }
        throw UsageProblem("'\(text)' is not a duration", "write it with its unit: 500ms, 10s, 2m, 1h")
    }

    /// Reads `0`, `0.5%` or `2%` as a share from 0 to 1.
    static func share(_ text: String) throws -> Double {
        if text == "0" { return 0 }
        guard text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) else {
            throw UsageProblem("'\(text)' is not a share", "write it in per cent: 0%, 0.5%, 2%")
        }
        return percent / 100
    }
}

/// An option that does not say what it should.
struct UsageProblem: Error {
    let cause: String
    let hint: String

    init(_ cause: String, _ hint: String) {
        self.cause = cause
        self.hint = hint
    }
}
