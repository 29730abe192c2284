import ProxyControl

/// Which side of a split a visitor is on, decided by nothing but the visitor's id, the salt and the weights.
struct StickyCohort {
    /// Cohorts are numbered `0 ..< count`: hundredths of a percent.
    static let count = 10_000

    /// The cohort of a visitor. The mixing is SplitMix64's finaliser (Steele, Lea, Flood 2014) over id and salt.
    static func of(id: UInt64, salt: UInt64) -> Int {
        var mixed = id ^ (salt &* 0x9e37_79b9_7f4a_7c15)
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        return Int(mixed % UInt64(count))
    }

    /// The first cohort that is not the target's any more, for each target in turn of `order`.
    private let order: [(target: Int, end: Int)]

    /// Canaries take the low end and baselines the high end, so that a raised weight adds cohorts to both and takes
    /// none away from either.
    init(targets: [Target]) {
        let canaries = targets.indices.filter { targets[$0].role == .canary }
        let baselines = targets.indices.filter { targets[$0].role == .baseline }
        let others = targets.indices.filter { !canaries.contains($0) && !baselines.contains($0) }
        var end = 0
        var order: [(target: Int, end: Int)] = []
        for index in canaries + others + baselines where targets[index].weight > 0 {
            end += targets[index].weight * (Self.count / 100)
            order.append((index, end))
        }
        self.order = order
    }

    /// The index of the target that serves a cohort.
    func target(of cohort: Int) -> Int {
        for entry in order where cohort < entry.end { return entry.target }
        return order.last?.target ?? 0
    }

    /// A visitor's id as the cookie carries it: 16 hexadecimal digits in lower case. Nil for anything else.
    static func id(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64? {
        guard count == 16 else { return nil }
        var id: UInt64 = 0
        for index in 0..<16 {
            guard let digit = ByteClass.hexValue(bytes[index]), !(0x41...0x46).contains(bytes[index]) else {
                return nil
            }
            id = id << 4 | digit
        }
        return id
    }

    /// The line that gives a new visitor an id.
    static func cookieLine(_ sticky: Sticky, id: UInt64) -> [UInt8] {
        let digits = String(id, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        return Array(
            "Set-Cookie: \(sticky.cookie)=\(padded); Path=/; Max-Age=\(sticky.maxAge); HttpOnly; SameSite=Lax\r\n".utf8)
    }
}

/// Finds a cookie in the Cookie fields of a head.
enum CookieScanner {
    /// The bounds of the value of the first cookie with this name (case matters), or nil.
    static func find(
        _ bytes: UnsafePointer<UInt8>, _ fields: FieldTable, name: [UInt8]
    ) -> (start: Int, end: Int)? {
        for index in 0..<fields.count where fields[index].kind == .cookie {
            let field = fields[index]
            var position = Int(field.valueStart)
            let end = Int(field.valueEnd)
            while position < end {
                while position < end, ByteClass.isBlank(bytes[position]) || bytes[position] == ByteClass.semicolon {
                    position += 1
                }
                let start = position
                while position < end, bytes[position] != ByteClass.semicolon { position += 1 }
                let value = start + name.count + 1
                if value <= position, bytes[value - 1] == UInt8(ascii: "="),
                    name.indices.allSatisfy({ bytes[start + $0] == name[$0] })
                {
                    return (value, position)
                }
            }
        }
        return nil
    }
}
