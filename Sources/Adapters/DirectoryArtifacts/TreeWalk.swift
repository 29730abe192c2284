import Glibc
import Ports

/// One entry of a tree, as an artifact knows it: no owner, no times, of the mode only whether it may be executed.
struct TreeEntry: Hashable {
    enum Kind: Hashable {
        case directory
        case file(size: Int64, isExecutable: Bool)
        case symlink(target: String)
    }
    /// Relative to the tree's root, names separated by slashes.
    var path: String
    var kind: Kind
}

/// Lists a tree: each directory before what it holds, names in the order of their bytes.
struct TreeWalk {
    private let root: String
    private let rules: IgnoreRules
    private var entries: [TreeEntry] = []

    /// Most entries of one artifact; more is a mistake (a whole disk, say), which should not fill the memory.
    static let limit = 1_000_000

    /// - Throws: `PortError` `invalid` for what cannot be packed, `storage` for what cannot be read.
    static func entries(of root: String, rules: IgnoreRules) throws -> [TreeEntry] {
        var walk = TreeWalk(root: root, rules: rules)
        try walk.visit([], root)
        return walk.entries
    }

    private init(root: String, rules: IgnoreRules) {
        self.root = root
        self.rules = rules
    }

    private mutating func visit(_ path: [String], _ directory: String) throws {
        for name in try directoryNames(directory) {
            let names = path + [name]
            let place = "\(directory)/\(name)"
            var status = stat()
            guard lstat(place, &status) == 0 else { throw fileTrouble("look at", place) }
            let kind = status.st_mode & S_IFMT
            guard !rules.ignores(names.map { Array($0.utf8) }, isDirectory: kind == S_IFDIR) else { continue }
            guard entries.count < Self.limit else {
                throw PortError(
                    .invalid, "\(root) holds more than \(Self.limit) files",
                    hint: "leave out what the service does not need with patterns in .slipwayignore")
            }
            let relative = names.joined(separator: "/")
            switch kind {
            case S_IFDIR:
                entries.append(TreeEntry(path: relative, kind: .directory))
                try visit(names, place)
            case S_IFREG:
                let isExecutable = status.st_mode & 0o100 != 0
                entries.append(
                    TreeEntry(
                        path: relative, kind: .file(size: Int64(status.st_size), isExecutable: isExecutable)))
            case S_IFLNK:
                let target = try readTarget(place)
                try Self.checkInside(target, of: names, root: root)
                entries.append(TreeEntry(path: relative, kind: .symlink(target: target)))
            case let other:
                throw PortError(
                    .invalid, "\(place) is \(Self.word(other)), which an artifact cannot hold",
                    hint: "remove it, or leave it out with a pattern in .slipwayignore")
            }
        }
    }

    private func readTarget(_ place: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink(place, &buffer, buffer.count)
        guard count > 0, count <= Int(PATH_MAX) else { throw fileTrouble("read the link", place) }
        guard let text = String(validating: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) else {
            throw PortError(.invalid, "the target of the link \(place) is not UTF-8")
        }
        return text
    }

    /// A link must lead to somewhere in the tree, by its text and by where it really leads today.
    static func checkInside(_ target: String, of link: [String], root: String) throws {
        let place = root + "/" + link.joined(separator: "/")
        let outside = PortError(
            .invalid, "the link \(place) leads out of the artifact, to \(target)",
            hint: "copy what it leads to, or leave it out with a pattern in .slipwayignore")
        guard !target.hasPrefix("/") else { throw outside }
        var depth = link.count - 1
        for name in target.split(separator: "/") where name != "." {
            depth += name == ".." ? -1 : 1
            guard depth >= 0 else { throw outside }
        }
        guard let real = realPath(place) else {
            // Leads nowhere (yet): its text is all there is, and that stays inside. Anything else is not for packing.
            guard errno == ENOENT || errno == ENOTDIR else { throw fileTrouble("follow the link", place) }
            return
        }
        guard real == root || real.hasPrefix(root == "/" ? "/" : root + "/") else { throw outside }
    }

    private static func word(_ kind: mode_t) -> String {
        switch kind {
        case S_IFSOCK: "a socket"
        case S_IFIFO: "a named pipe"
        case S_IFCHR, S_IFBLK: "a device"
        case _: "no file, directory or link"
        }
    }
}

/// realpath(3); nil with errno set when the path leads nowhere.
func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(validatingCString: resolved)
}
