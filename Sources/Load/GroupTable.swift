/// The values of the grouping field that have come so far, numbered in the order in which they came.
struct GroupTable {
    /// A user's set of groups is one word of bits. Further values share the last number.
    static let capacity = 64
    static let otherName = "(other)"
    private static let maxName = 200

    private var values: [[UInt8]] = []
    private(set) var tallies: [Tally] = []
    private var last = 0

    func name(_ index: Int) -> String {
        index == Self.capacity - 1 ? Self.otherName : String(decoding: values[index], as: UTF8.self)
    }

    var names: [String] { tallies.indices.map(name) }

    mutating func index(of value: UnsafeRawBufferPointer) -> Int {
        let value = UnsafeRawBufferPointer(rebasing: value.prefix(Self.maxName))
        if last < values.count, values[last].elementsEqual(value) { return last }
        if let known = values.firstIndex(where: { $0.elementsEqual(value) }) {
            last = known
            return known
        }
        if values.count < Self.capacity - 1 {
            values.append(Array(value))
            tallies.append(Tally())
        } else if tallies.count < Self.capacity {
            tallies.append(Tally())
        }
        return tallies.count - 1
    }
}
