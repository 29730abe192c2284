/// One field that differs between two states, in the words of those who write it.
package struct FieldChange: Hashable, Sendable {
    package var field: String
    /// Empty: it was not said.
    package var old: String
    /// Empty: it is said no more.
    package var new: String
    package init(field: String, old: String, new: String) {
        self.field = field
        self.old = old
        self.new = new
    }
}
