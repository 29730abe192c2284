import Domain
import Glibc
import Ports

/// A file of past data (RFC 4180): names in the first line, numbers below, an empty cell where there was none. A
/// question is the name of a column. It has no clock: the whole column is the series.
struct TableSource: Sendable {
    /// What is read of a file, in bytes.
    static let sizeLimit = 16 << 20

    func answer(_ path: String, _ question: MetricQuestion) -> MetricAnswer {
        switch read(path) {
        case .failure(let trouble): .trouble(trouble.text)
        case .success(let text): Self.column(question.query, of: text, path)
        }
    }

    static func column(_ name: String, of text: String, _ path: String) -> MetricAnswer {
        let lines = text.split(omittingEmptySubsequences: true) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
        guard let first = lines.first else { return .trouble("\(path) is empty") }
        let names = cells(first)
        guard let index = names.firstIndex(of: name) else {
            let known = names.prefix(20).map { "`\($0)`" }.joined(separator: ", ")
            return .trouble("\(path) has no column `\(name)`; it has \(known)")
        }
        var values: [Double] = []
        for (number, line) in lines.enumerated().dropFirst() {
            let row = cells(line)
            let cell = index < row.count ? row[index] : ""
            if cell.isEmpty {
                values.append(.nan)
            } else if let value = Double(cell) {
                values.append(value)
            } else {
                return .trouble("\(path):\(number + 1): `\(cell)` in the column `\(name)` is not a number")
            }
        }
        return .series(values.isEmpty ? [] : [MetricSeries(labels: name, values: values)])
    }

    /// Quotes may stand around a cell; two of them inside are one.
    private static func cells(_ line: Substring) -> [String] {
        var cells: [String] = []
        var cell = ""
        var isQuoted = false
        var rest = line[...]
        while let character = rest.popFirst() {
            if isQuoted {
                if character != "\"" {
                    cell.append(character)
                } else if rest.first == "\"" {
                    cell.append("\"")
                    rest.removeFirst()
                } else {
                    isQuoted = false
                }
            } else if character == "\"" {
                isQuoted = true
            } else if character == "," {
                cells.append(cell)
                cell = ""
            } else if character != " " || !cell.isEmpty {
                cell.append(character)
            }
        }
        return (cells + [cell]).map { text in
            var text = text
            while text.hasSuffix(" ") { text.removeLast() }
            return text
        }
    }

    private func read(_ path: String) -> Result<String, WebTrouble> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(Self.unreadable(path)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = part.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { return .failure(Self.unreadable(path)) }
            if got == 0 { return .success(String(decoding: bytes, as: UTF8.self)) }
            bytes += part[..<got]
            if bytes.count > Self.sizeLimit {
                return .failure(WebTrouble(text: "\(path) is larger than \(Self.sizeLimit >> 20) MiB"))
            }
        }
    }

    private static func unreadable(_ path: String) -> WebTrouble {
        WebTrouble(text: "cannot read \(path): \(String(cString: strerror(errno)))")
    }
}
