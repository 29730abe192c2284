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
}
