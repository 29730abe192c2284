package import Domain

/// Quantities as Kubernetes writes them.
package enum ObjectQuantity {
    /// Thousandths of a core: `250m`, `2`.
    package static func cpu(_ thousandths: Int) -> String {
        thousandths % 1000 == 0 ? String(thousandths / 1000) : "\(thousandths)m"
    }

    /// Bytes with the largest suffix that leaves a whole number: `256Mi`.
    package static func bytes(_ bytes: Int64) -> String {
        for (suffix, size) in [("Ti", Int64(1) << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)]
        where bytes >= size && bytes % size == 0 {
            return "\(bytes / size)\(suffix)"
        }
        return String(bytes)
    }

    /// Whole seconds, rounded up.
    package static func seconds(_ span: Span) -> Int64 { (span.milliseconds + 999) / 1000 }

    /// What a quantity is, in thousandths and rounded up: `250m` is 250, `1Gi` is 1,073,741,824,000.
    /// - Returns: nil for what is no quantity, or too large for it.
    package static func thousandths(_ text: String) -> Int64? {
        let number = text.prefix { $0.isNumber || $0 == "." || $0 == "-" || $0 == "+" }
        let suffix = text.dropFirst(number.count)
        let scales: [Substring: Double] = [
            "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
            "Ki": 0x1p10, "Mi": 0x1p20, "Gi": 0x1p30, "Ti": 0x1p40, "Pi": 0x1p50, "Ei": 0x1p60,
        ]
        guard let value = Double(number) else { return nil }
        let scale: Double
        if let known = scales[suffix] {
            scale = known
        } else if suffix.first == "e" || suffix.first == "E", let power = Int(suffix.dropFirst()), abs(power) <= 18 {
            scale = power < 0 ? 1 / Self.ten(-power) : Self.ten(power)
        } else {
            return nil
        }
        let thousandths = (value * scale * 1000).rounded(.up)
        return abs(thousandths) < 9e18 ? Int64(thousandths) : nil
    }

    private static func ten(_ power: Int) -> Double { (0..<power).reduce(1.0) { number, _ in number * 10 } }
}
