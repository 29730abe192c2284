import Domain

/// Names one run of a gate; a look's key without the look.
struct RunKey: Hashable, Sendable {
    var environment: EnvironmentID
    var service: ServiceName
    var deployment: DeploymentNumber
    var run: Int

    init(_ key: LookKey) {
        environment = key.environment
        service = key.service
        deployment = key.deployment
        run = key.run
    }
}

/// What gates remember of their runs; bounded: the runs that began first are forgotten first.
struct RunMemory<Value: Sendable>: Sendable {
    private let limit: Int
    private var values: [RunKey: Value] = [:]
    private var order: [RunKey] = []

    init(limit: Int = 128) { self.limit = limit }

    subscript(key: RunKey) -> Value? {
        get { values[key] }
        set {
            if values[key] == nil, newValue != nil {
                order.append(key)
                if order.count > limit { values[order.removeFirst()] = nil }
            }
            values[key] = newValue
            if newValue == nil { order.removeAll { $0 == key } }
        }
    }
}
