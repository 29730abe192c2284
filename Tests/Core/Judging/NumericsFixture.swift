import FoundationEssentials

/// What scipy made of generated data: `Fixtures/make.py` writes it.
struct NumericsFixture: Decodable {
    struct Normal: Decodable {
        var cumulative: [[Double]]
        var quantile: [[Double]]
    }

    struct RankSum: Decodable {
        var x: [Double]
        var y: [Double]
        var statistic: Double
        var shift: Double
        var values: [String: Double]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            x = try container.decode([Double].self, forKey: Key("x"))
            y = try container.decode([Double].self, forKey: Key("y"))
            statistic = try container.decode(Double.self, forKey: Key("statistic"))
            shift = try container.decode(Double.self, forKey: Key("shift"))
            values = [:]
            let others = ["x", "y", "statistic", "shift"]
            for key in container.allKeys where !others.contains(key.stringValue) {
                values[key.stringValue] = try container.decode(Double.self, forKey: key)
            }
        }
    }

    struct Gamble: Decodable {
        var weight: Double
        var absolute: Double
        var relative: Double
        var trials: Int
        var canary: Int
        var stable: Int
        var gain: Double
        var against: Double
        var favour: Double
    }

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    var normal: Normal
    var beta: [[Double]]
    var clopperPearson: [[Double]]
    var mannWhitney: [RankSum]
    var wealth: [Gamble]

    static let shared = Result {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let data = try Data(contentsOf: folder.appending(path: "numerics.json"))
        return try JSONDecoder().decode(NumericsFixture.self, from: data)
    }
}

/// Equal to nine digits, or to as little beside one.
func isNear(_ left: Double, _ right: Double, _ precision: Double = 1e-9) -> Bool {
    abs(left - right) <= precision * max(abs(left), abs(right), 1e-300) || abs(left - right) < 1e-300
}
