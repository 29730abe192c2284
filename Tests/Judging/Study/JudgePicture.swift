import Glibc

/// Curves beside each other, as SVG and as a table: the share of rollouts that was failed by then.
struct JudgePicture {
    /// One judge.
    struct Curve {
        var name: String
        /// Where rollouts were failed, ascending.
        var places: [Int]
        /// Rollouts in all.
        var of: Int

        init(name: String, places: [Int], of: Int) {
            self.name = name
            self.places = places
            self.of = of
        }

        /// In hundredths of a percent.
        func share(at place: Int) -> Int { places.filter { $0 <= place }.count * 10_000 / max(1, of) }
    }

    /// One kind of rollouts.
    struct Panel {
        var label: String
        /// Of the axis; it begins at zero.
        var end: Int
        /// Places that the table tells of.
        var marks: [Int]
        var curves: [Curve]
    }

    /// Of the file, without an ending.
    var name: String
    var title: String
    /// What the axis counts.
    var across: String
    /// What was measured.
    var note: String
    var panels: [Panel] = []

    /// As Markdown, for those who do not see the picture.
    var table: String {
        var table = Table(title, ["", "judge"] + (panels.first?.marks ?? []).map { "\(across): \($0)" })
        for panel in panels {
            for curve in panel.curves {
                table.add(
                    [panel.label, curve.name] + panel.marks.map { Figures.percent(Double(curve.share(at: $0)) / 1e4) })
            }
        }
        return table.text + "\n\n" + note + "\n"
    }

    func write(to directory: String) throws {
        try write(svg, "\(directory)/\(name).svg")
        try write(table, "\(directory)/\(name).md")
    }

    struct Trouble: Error, CustomStringConvertible { var description: String }

    private func write(_ text: String, _ path: String) throws {
        guard let file = fopen(path, "w") else {
            throw Trouble(description: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let written = fputs(text, file)
        guard fclose(file) == 0, written >= 0 else { throw Trouble(description: "cannot write \(path)") }
    }

    // MARK: SVG

    private static let (width, height, gap, top) = (240, 180, 50, 60)
    /// Told apart by their dashes as well as by their colours.
    private static let pens = [("#0b6e4f", ""), ("#c1440e", "6 3"), ("#3b5b92", "2 3")]

    var svg: String {
        let (all, floor) = (Self.gap + panels.count * (Self.width + Self.gap), Self.top + Self.height)
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(all) \(floor + 60)\" font-family=\"sans-serif\""
                + " font-size=\"11\" role=\"img\">",
            "<title>\(title)</title>", "<desc>\(note)</desc>",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            "<text x=\"\(Self.gap)\" y=\"16\" font-size=\"13\" font-weight=\"bold\">\(title)</text>",
        ]
        for (index, curve) in (panels.first?.curves ?? []).enumerated() {
            let x = Self.gap + index * 200
            lines.append(
                "<path d=\"M\(x) 30h24\" \(Self.pen(index))/><text x=\"\(x + 30)\" y=\"34\">\(curve.name)</text>")
        }
        for (index, panel) in panels.enumerated() {
            lines += self.lines(panel, left: Self.gap + index * (Self.width + Self.gap), floor)
        }
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    private func lines(_ panel: Panel, left: Int, _ floor: Int) -> [String] {
        var lines = ["<text x=\"\(left)\" y=\"\(Self.top - 8)\">\(panel.label)</text>"]
        for percent in [0, 25, 50, 75, 100] {
            let y = floor - Self.height * percent / 100
            lines.append("<path d=\"M\(left) \(y)h\(Self.width)\" stroke=\"#ddd\"/>")
            lines.append("<text x=\"\(left - 6)\" y=\"\(y + 4)\" text-anchor=\"end\">\(percent) %</text>")
        }
        for place in [0, panel.end / 2, panel.end] {
            let x = left + Self.width * place / panel.end
            lines.append("<text x=\"\(x)\" y=\"\(floor + 16)\" text-anchor=\"middle\">\(place)</text>")
        }
        lines.append(
            "<text x=\"\(left + Self.width / 2)\" y=\"\(floor + 34)\" text-anchor=\"middle\">\(across)</text>")
        for (index, curve) in panel.curves.enumerated() {
            lines.append("<path d=\"\(path(curve, panel, left, floor))\" \(Self.pen(index))/>")
        }
        return lines
    }

    /// A step at each place where a rollout was failed.
    private func path(_ curve: Curve, _ panel: Panel, _ left: Int, _ floor: Int) -> String {
        var path = "M\(left) \(floor)"
        var count = 0
        for (index, place) in curve.places.enumerated() {
            count += 1
            // The last of those at the same place draws for all.
            if index + 1 < curve.places.count, curve.places[index + 1] == place { continue }
            let y = floor - Self.height * count / max(1, curve.of)
            path += "H\(left + Self.width * min(place, panel.end) / panel.end)V\(y)"
        }
        return path + "H\(left + Self.width)"
    }

    private static func pen(_ index: Int) -> String {
        let (colour, dashes) = pens[index % pens.count]
        let dash = dashes.isEmpty ? "" : " stroke-dasharray=\"\(dashes)\""
        return "fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"\(dash)"
    }
}
