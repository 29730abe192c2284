/// A piece of Swift code; comments are left out.
struct SwiftToken: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// A name, a keyword or a number.
        case word
        /// One character.
        case sign
        /// What stands between the quotes of a literal; `text` is its content.
        case literal
    }

    var kind: Kind
    var text: String
    /// From 1.
    var line: Int
    /// In bytes from the beginning of the file.
    var place = 0

    /// Nothing stands between this token and the next one.
    func touches(_ next: SwiftToken) -> Bool { place + text.utf8.count == next.place }

    /// The lines that a literal reaches over.
    var lines: ClosedRange<Int> { line...(line + text.count { $0 == "\n" } + (text.hasPrefix("\n") ? 1 : 0)) }

    func isSign(_ sign: String) -> Bool { kind == .sign && text == sign }
    func isWord(_ word: String) -> Bool { kind == .word && text == word }
}

/// Splits Swift code into tokens. Knows just enough of the language for this: nested comments, raw and multi-line
/// literals, code within literals. A regular-expression literal is read as signs and words, which harms nobody here.
struct SwiftLexer {
    private let bytes: [UInt8]
    private var place = 0
    private var line = 1
    private(set) var tokens: [SwiftToken] = []

    static func tokens(_ text: String) -> [SwiftToken] {
        var lexer = SwiftLexer(bytes: Array(text.utf8))
        lexer.readCode(untilParenthesis: false)
        return lexer.tokens
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func peek(_ offset: Int = 0) -> UInt8 {
        place + offset < bytes.count ? bytes[place + offset] : 0
    }

    private mutating func step() {
        if peek() == UInt8(ascii: "\n") { line += 1 }
        place += 1
    }

    private mutating func readCode(untilParenthesis: Bool) {
        var depth = 0
        while place < bytes.count {
            let byte = peek()
            if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "/") {
                while place < bytes.count, peek() != UInt8(ascii: "\n") { step() }
            } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                skipBlockComment()
            } else if let hashes = literalStart() {
                readLiteral(hashes: hashes)
            } else if isWordByte(byte) {
                readWord()
            } else if byte <= 32 {
                step()
            } else {
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") {
                    depth -= 1
                    if untilParenthesis, depth < 0 { return }
                }
                tokens.append(SwiftToken(kind: .sign, text: String(UnicodeScalar(byte)), line: line, place: place))
                step()
            }
        }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "`"), 128...255:
            true
        case _: false
        }
    }

    private mutating func readWord() {
        let start = place
        while isWordByte(peek()) { place += 1 }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        tokens.append(SwiftToken(kind: .word, text: text, line: line, place: start))
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                depth += 1
                place += 2
            } else if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                depth -= 1
                place += 2
            } else {
                step()
            }
        } while depth > 0 && place < bytes.count
    }

    /// The number of `#` before a quote that begins here; nil: no literal begins here.
    private func literalStart() -> Int? {
        var hashes = 0
        while peek(hashes) == UInt8(ascii: "#") { hashes += 1 }
        return peek(hashes) == UInt8(ascii: "\"") ? hashes : nil
    }

    private func isRun(of byte: UInt8, count: Int, at offset: Int) -> Bool {
        (0..<count).allSatisfy { peek(offset + $0) == byte }
    }

    private mutating func readLiteral(hashes: Int) {
        place += hashes
        let quote = UInt8(ascii: "\"")
        let quotes = isRun(of: quote, count: 3, at: 0) ? 3 : 1
        place += quotes
        let index = tokens.count
        tokens.append(SwiftToken(kind: .literal, text: "", line: line))
        var content: [UInt8] = []
        while place < bytes.count {
            if isRun(of: quote, count: quotes, at: 0), isRun(of: UInt8(ascii: "#"), count: hashes, at: quotes) {
                place += quotes + hashes
                break
            }
            if peek() == UInt8(ascii: "\\"), isRun(of: UInt8(ascii: "#"), count: hashes, at: 1) {
                place += 1 + hashes
                if peek() == UInt8(ascii: "(") {
                    place += 1
                    readCode(untilParenthesis: true)
                } else {
                    content.append(peek())
                }
                step()
                continue
            }
            if quotes == 1, peek() == UInt8(ascii: "\n") { break }
            content.append(peek())
            step()
        }
        tokens[index].text = String(decoding: content, as: UTF8.self)
    }
}
