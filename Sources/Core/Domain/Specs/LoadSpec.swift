/// Load that a gate puts on the release on trial, and what must come of it.
package struct LoadSpec: Hashable, Sendable, Codable {
    package var path: String
    package var headers: [Variable]
    /// Requests a second, over all instances together.
    package var perSecond: Int
    /// Connections at most, over all instances together.
    package var connections: Int
    /// For how long new requests start.
    package var duration: Span
    package var through: LoadWay
    package var limits: ThresholdSpec

    /// The percentiles that the load generator knows, in thousandths of a percent.
    package static let percentiles = [50_000, 90_000, 95_000, 99_000, 99_900]

    package init(
        path: String, headers: [Variable] = [], perSecond: Int = 50, connections: Int = 64,
        duration: Span = .seconds(30), through: LoadWay = .instances, limits: ThresholdSpec
    ) {
        self.path = path
        self.headers = headers
        self.perSecond = perSecond
        self.connections = connections
        self.duration = duration
        self.through = through
        self.limits = limits
    }
}

/// Which way the load goes.
package enum LoadWay: String, Hashable, Sendable, Codable, CaseIterable {
    /// Straight to the instances of the release on trial: users are not touched.
    case instances
    /// Through the service's first route, as users come: both releases get their share.
    case route
}

extension LoadSpec: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, path)
        writer.put(2, headers)
        writer.put(3, perSecond)
        writer.put(4, connections)
        writer.put(5, duration)
        writer.put(6, through.rawValue)
        writer.put(7, limits)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(path: "/", limits: ThresholdSpec())
        while let tag = try reader.next() {
            switch tag {
            case 1: path = try reader.text()
            case 2: headers.append(try reader.record())
            case 3: perSecond = try reader.int()
            case 4: connections = try reader.int()
            case 5: duration = try reader.span()
            case 6:
                guard let value = LoadWay(rawValue: try reader.text()) else { throw .damaged }
                through = value
            case 7: limits = try reader.record()
            case _: try reader.skip()
            }
        }
    }
}
