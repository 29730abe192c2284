/// A large value held by reference: a copy of what contains it costs one count, and not one for each of its parts. It
/// is still a value: whoever changes it changes their own.
@propertyWrapper
package struct Boxed<Value: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    private final class Box: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    private var box: Box

    package init(wrappedValue: Value) { box = Box(wrappedValue) }

    package var wrappedValue: Value {
        get { box.value }
        set { box = Box(newValue) }
    }

    package static func == (left: Boxed, right: Boxed) -> Bool {
        left.box === right.box || left.box.value == right.box.value
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(box.value) }

    /// As the value itself is written.
    package init(from decoder: any Decoder) throws { box = Box(try Value(from: decoder)) }

    package func encode(to encoder: any Encoder) throws { try box.value.encode(to: encoder) }
}
