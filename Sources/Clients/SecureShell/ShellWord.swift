/// ssh joins the words of a command with spaces and gives them to the other side's shell: each word has to survive that
/// as it is.
package enum ShellWord {
    /// Quoted for any POSIX shell, and for fish.
    package static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || "-_./=:,+@%".utf8.contains(byte)
            }
        if isPlain { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    /// One line that a shell reads as these words.
    package static func line(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }
}
