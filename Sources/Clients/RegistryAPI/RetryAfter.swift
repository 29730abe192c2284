import FoundationEssentials

/// What `Retry-After` says, in seconds from now: a number, or a date.
///
/// Source: RFC 9110, 10.2.3 and 5.6.7.
enum RetryAfter {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Nil for what is neither. What is past is now.
    static func seconds(_ text: String, now: Date) -> Int? {
        if let number = Int(text) { return max(0, number) }
        // Sun, 06 Nov 1994 08:49:37 GMT
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        let date: Date
        do { date = try Date("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z", strategy: .iso8601) } catch {
            return nil
        }
        let seconds = date.timeIntervalSince(now).rounded(.up)
        return seconds.isFinite && seconds < 1e9 ? max(0, Int(seconds)) : nil
    }
}
