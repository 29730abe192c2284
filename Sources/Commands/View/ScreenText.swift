/// What a text takes on the screen, in columns: escape sequences take nothing, East Asian characters and pictures two.
func visibleWidth(_ text: String) -> Int {
    var width = 0
    var isEscape = false
    for scalar in text.unicodeScalars {
        if isEscape {
            if scalar == "m" { isEscape = false }
        } else if scalar == "\u{1b}" {
            isEscape = true
        } else {
            width += columns(scalar)
        }
    }
    return width
}

/// Cut to a width; escape sequences are kept whole.
func clipped(_ text: String, to width: Int, ellipsis: String = "…") -> String {
    guard visibleWidth(text) > width else { return text }
    let room = max(0, width - visibleWidth(ellipsis))
    var result = ""
    var used = 0
    var isEscape = false
    var isFull = false
    for scalar in text.unicodeScalars {
        if isEscape {
            result.unicodeScalars.append(scalar)
            if scalar == "m" { isEscape = false }
        } else if scalar == "\u{1b}" {
            isEscape = true
            result.unicodeScalars.append(scalar)
        } else if !isFull, used + columns(scalar) <= room {
            used += columns(scalar)
            result.unicodeScalars.append(scalar)
        } else {
            isFull = true
        }
    }
    return result + ellipsis + (text.contains("\u{1b}") ? "\u{1b}[0m" : "")
}

/// Filled up with spaces to a width.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - visibleWidth(text)))
}

/// Text that came from outside — a log line, an answer — without what could make a terminal do something.
/// - Parameter keepsColours: leaves the sequences that only change colours, and ends them with the text.
func harmless(_ text: String, keepsColours: Bool = false) -> String {
    var result = String.UnicodeScalarView()
    var rest = Substring(text).unicodeScalars
    var hasColours = false
    while let scalar = rest.popFirst() {
        if scalar == "\u{1b}", let end = colourSequence(rest) {
            if keepsColours {
                result.append(scalar)
                result.append(contentsOf: rest[..<end])
                hasColours = true
            }
            rest = rest[end...]
        } else {
            let isControl = (scalar.value < 0x20 && scalar != "\t") || (0x7F...0x9F).contains(scalar.value)
            // These turn the direction of the text around them.
            let turns = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            result.append(isControl || turns ? "\u{FFFD}" : scalar)
        }
    }
    return String(result) + (hasColours ? "\u{1b}[0m" : "")
}

/// The end of `[1;31m` at the start of what follows an escape; nil for every other sequence.
private func colourSequence(_ rest: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView.Index? {
    guard rest.first == "[" else { return nil }
    var index = rest.index(after: rest.startIndex)
    while index < rest.endIndex {
        let scalar = rest[index]
        index = rest.index(after: index)
        if scalar == "m" { return index }
        guard (0x30...0x3B).contains(scalar.value) else { return nil }
    }
    return nil
}

/// Columns of one character, by the wide and the combining blocks of Unicode.
private func columns(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0..<0x300: 1
    case 0x300...0x36F, 0x200B...0x200F, 0xFE00...0xFE0F: 0
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE4F, 0xFF00...0xFF60,
        0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
        2
    case _: 1
    }
}
