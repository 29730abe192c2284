import Glibc

/// A file with a text, in a place of the test's own.
func scratchFile(_ text: String) -> String {
    var name = Array("/tmp/slipway-metrics-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
    close(descriptor)
    return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
