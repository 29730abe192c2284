import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Ports

/// The objects in which states stand for people to see, and from which a journal begins whose old pages are gone. They
/// are written after the pages, and say by a number what they contain.
actor RecordShelf {
    private let client: KubernetesClient
    private let form: any RecordForm
    private let namespace: String
    private let facts: @Sendable (JournalEntry, [JournalEntry]) -> [ObjectField]
    private var standing: [EntryPlace: Standing] = [:]

    /// How an object was seen last.
    private struct Standing {
        var name: String
        var version: String?
        var sequence: Int64
    }

    init(
        _ client: KubernetesClient, _ form: any RecordForm, namespace: String,
        facts: @escaping @Sendable (JournalEntry, [JournalEntry]) -> [ObjectField]
    ) {
        self.client = client
        self.form = form
        self.namespace = namespace
        self.facts = facts
    }

    /// Reads what stands there.
    /// - Throws: `PortError`, `incompatible` for a record that nobody can read.
    func read() async throws(PortError) -> [StoredEntry] {
        var found: [StoredEntry] = []
        for kind in RecordKind.allCases where kind != .page {
            let list: ObjectList
            do {
                list = try await client.list(
                    form.resource(kind), namespace: namespace, labels: form.labels(kind))
            } catch {
                throw PageDesk.error(error, "the records in the cluster cannot be read")
            }
            for object in list.items {
                // One that was made and not filled yet says nothing.
                guard let sheet = form.sheet(object, kind), let stored = try entry(sheet) else { continue }
                standing[EntryPlace(stored.entry)] = Standing(
                    name: sheet.name, version: sheet.version, sequence: stored.sequence)
                found.append(stored)
            }
        }
        return found
    }

    /// States that do not stand there yet as they are.
    func missing(_ states: [StoredEntry]) -> [StoredEntry] {
        states.filter { (standing[EntryPlace($0.entry)]?.sequence ?? 0) < $0.sequence }
    }

    /// Writes a state into its object.
    /// - Parameter all: the newest states, for what people are shown of one that another knows.
    /// - Throws: `PortError`: `stale` when something newer stands there.
    func put(_ stored: StoredEntry, among all: [JournalEntry]) async throws(PortError) {
        let place = EntryPlace(stored.entry)
        let kind = stored.entry.recordKind
        let resource = form.resource(kind)
        var known = standing[place] ?? Standing(name: stored.entry.recordName, version: nil, sequence: 0)
        guard known.sequence < stored.sequence else { return }
        let shown = facts(stored.entry, all)
        var attempts = 0
        while true {
            do throws(ClusterTrouble) {
                var written: ObjectValue
                if known.version == nil {
                    written = try await client.create(
                        resource, namespace: namespace, form.object(sheet(stored, known, shown)))
                    known.version = written.at("metadata", "resourceVersion")?.text
                    if let part = form.part(kind) {
                        written = try await replace(stored, known, shown, resource, part)
                    }
                } else {
                    written = try await replace(stored, known, shown, resource, form.part(kind))
                }
                known.version = written.at("metadata", "resourceVersion")?.text
                known.sequence = stored.sequence
                standing[place] = known
                return
            } catch {
                attempts += 1
                switch error.kind {
                // An answer of ours was lost, or a server before us was still at it.
                case .exists where attempts < 5, .conflict where attempts < 5, .unreachable where attempts < 5,
                    .server where attempts < 5:
                    try await look(&known, resource, kind, stored)
                    if known.sequence == stored.sequence {
                        standing[place] = known
                        return
                    }
                // Somebody has deleted it.
                case .notFound where attempts < 5: known.version = nil
                case .configuration, .unreachable, .unauthorized, .forbidden, .notFound, .conflict, .exists, .gone,
                    .invalid, .busy, .server, .garbled:
                    throw PageDesk.error(error, "the record \(known.name) cannot be written")
                }
            }
        }
    }

    private func replace(
        _ stored: StoredEntry, _ known: Standing, _ shown: [ObjectField], _ resource: APIResource, _ part: String?
    ) async throws(ClusterTrouble) -> ObjectValue {
        let name = form.objectName(stored.entry.recordKind, known.name)
        return try await client.replace(
            resource, namespace: namespace, name: name, form.object(sheet(stored, known, shown)), part: part)
    }

    private func look(
        _ known: inout Standing, _ resource: APIResource, _ kind: RecordKind, _ stored: StoredEntry
    ) async throws(PortError) {
        let object: ObjectValue?
        do {
            object = try await client.find(
                resource, namespace: namespace, name: form.objectName(kind, known.name))
        } catch {
            throw PageDesk.error(error, "the record \(known.name) cannot be read")
        }
        guard let object, let sheet = form.sheet(object, kind) else {
            known.version = nil
            return
        }
        known.version = sheet.version
        known.sequence = sheet.number("sequence") ?? 0
        guard known.sequence <= stored.sequence else {
            throw PortError(.stale, "the record \(known.name) was written by another server")
        }
    }

    /// Takes an object away that nobody looks at any more.
    func remove(_ entry: JournalEntry) async throws(PortError) {
        let kind = entry.recordKind
        guard let known = standing[EntryPlace(entry)] else { return }
        do {
            try await client.delete(
                form.resource(kind), namespace: namespace, name: form.objectName(kind, known.name))
        } catch {
            throw PageDesk.error(error, "the record \(known.name) cannot be deleted")
        }
        standing[EntryPlace(entry)] = nil
    }

    // MARK: - Sheets

    private func sheet(_ stored: StoredEntry, _ known: Standing, _ shown: [ObjectField]) -> RecordSheet {
        let entry = stored.entry
        return RecordSheet(
            entry.recordKind, name: known.name,
            fixed: [
                ObjectField("kind", .text("\(entry.kind)")),
                ObjectField("project", .text(entry.environment?.project ?? "")),
                ObjectField("environment", .text(entry.environment?.name ?? "")),
                ObjectField("key", .text(entry.key)),
            ],
            moving: [
                ObjectField("sequence", .number(stored.sequence)), ObjectField("at", .number(entry.at)),
                ObjectField("record", .text(PageText.text(PageText.bytes(of: [entry])))),
            ] + shown, version: known.version)
    }

    private func entry(_ sheet: RecordSheet) throws(PortError) -> StoredEntry? {
        guard let sequence = sheet.number("sequence") else { return nil }
        let bytes = try PageText.bytes(sheet.text("record"), page: sheet.name)
        guard let entry = try PageText.entries(bytes, page: sheet.name).first else {
            throw PageText.damaged(sheet.name)
        }
        return StoredEntry(sequence: sequence, entry: entry)
    }
}
