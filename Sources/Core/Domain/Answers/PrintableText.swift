extension String {
    /// At most so many bytes of the text, cut between characters, with a mark where it was cut.
    package func bounded(to limit: Int) -> String {
        if utf8.count <= limit { return self }
        var kept = ""
        var size = 0
        for character in self {
            size += character.utf8.count
            if size > limit { break }
            kept.append(character)
        }
        return kept + "…"
    }

    /// On one line, without control characters: what a server sent must not move a terminal's cursor.
    package var printable: String {
        var text = ""
        for scalar in unicodeScalars {
            if !Self.unseen.contains(scalar.properties.generalCategory) {
                text.unicodeScalars.append(scalar)
            } else if !text.hasSuffix(" ") {
                text.append(" ")
            }
        }
        return text
    }

    /// What is no sign on a screen, or moves others.
    private static let unseen: [Unicode.GeneralCategory] = [
        .control, .lineSeparator, .paragraphSeparator, .format, .surrogate, .privateUse, .unassigned,
    ]
}
