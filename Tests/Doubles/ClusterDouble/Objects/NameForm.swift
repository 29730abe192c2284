/// What names may look like. Source: apimachinery, `util/validation/validation.go`. Written out: a pattern is compiled
/// anew each time it is asked.
enum NameForm {
    /// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
    static func isLabel<Text: StringProtocol>(_ text: Text) -> Bool where Text.UTF8View: BidirectionalCollection {
        isFramed(text.utf8, by: isSmall) { isSmall($0) || $0 == UInt8(ascii: "-") }
    }

    /// Labels with dots between them.
    static func isSubdomain(_ text: String) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel($0) }
    }

    /// `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`
    static func isQualified(_ text: String) -> Bool { isFramed(text.utf8, by: isAlphanumeric, isPart) }

    /// `[-._a-zA-Z0-9]+`
    static func isKey(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isPart) }

    /// Begins and ends with one kind of letters, and has the other between.
    private static func isFramed(
        _ text: some BidirectionalCollection<UInt8>, by isEnd: (UInt8) -> Bool, _ isInner: (UInt8) -> Bool
    ) -> Bool {
        guard let first = text.first, let last = text.last else { return false }
        return isEnd(first) && isEnd(last) && text.allSatisfy(isInner)
    }

    private static func isSmall(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isSmall(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(byte)
    }
}
