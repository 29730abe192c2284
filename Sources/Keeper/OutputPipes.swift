import Glibc

/// The two output pipes of one process with their log file.
final class OutputPipes {
    private let files: LogFiles
    private let file: LogFile
    private let streams: [LogStream]
    private var closed = false

    private init(files: LogFiles, file: LogFile, streams: [LogStream]) {
        self.files = files
        self.file = file
        self.streams = streams
    }

    var droppedLines: UInt64 { file.droppedLines }

    /// - Parameter base: path of the FIFOs without their `.o` and `.e`.
    /// - Returns: the pipes, and the ends for the process, to be closed after the spawn; nil with errno set.
    static func make(
        loop: EventLoop, files: LogFiles, file: LogFile, base: String
    ) -> (pipes: OutputPipes, output: Int32, error: Int32)? {
        guard let (output, outputEnd) = LogStream.make(loop: loop, file: file, mark: "o", path: base + ".o") else {
            return nil
        }
        guard let (error, errorEnd) = LogStream.make(loop: loop, file: file, mark: "e", path: base + ".e") else {
            let number = errno
            output.close()
            Glibc.close(outputEnd)
            errno = number
            return nil
        }
        return (OutputPipes(files: files, file: file, streams: [output, error]), outputEnd, errorEnd)
    }

    static func adopt(loop: EventLoop, files: LogFiles, file: LogFile, base: String) -> OutputPipes {
        let streams = [("o", ".o"), ("e", ".e")].compactMap { mark, suffix in
            LogStream.adopt(loop: loop, file: file, mark: Unicode.Scalar(mark)!, path: base + suffix)
        }
        return OutputPipes(files: files, file: file, streams: streams)
    }

    func drain() {
        for stream in streams { stream.drain() }
    }

    /// Reads what is left, closes and removes the pipes, and gives the log file back.
    func close() {
        guard !closed else { return }
        discard()
        files.release(file)
    }

    /// The same, but the log file stays its opener's.
    func discard() {
        closed = true
        for stream in streams {
            stream.drain()
            stream.close()
        }
    }
}
