/// A place in a text; both counted from 1, columns in Unicode scalars.
struct Place: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static let start = Place(line: 1, column: 1)

    static func < (left: Place, right: Place) -> Bool { (left.line, left.column) < (right.line, right.column) }

    func moved(by columns: Int) -> Place { Place(line: line, column: column + columns) }
}
