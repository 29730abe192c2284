import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Ports

/// Reads and writes pages. A write whose answer was lost is found out about, and never guessed at.
struct PageDesk: Sendable {
    /// Asks each thing once: what is asked again, and when, is decided here.
    let client: KubernetesClient
    let form: any RecordForm
    let namespace: String
    /// How long a write is tried.
    let patience: Duration

    /// What became of a write that was not carried out.
    enum Failure: Error, Sendable {
        /// Nothing of it took hold, and later writes may.
        case refused(PortError)
        /// Somebody else has written, or nobody can say what happened: nothing may be written any more.
        case over(PortError)

        var error: PortError {
            switch self {
            case .refused(let error), .over(let error): error
            }
        }
    }

    private var resource: APIResource { form.resource(.page) }

    /// Nil when there is none yet.
    func head() async throws(PortError) -> JournalPage? {
        let found: ObjectValue?
        do {
            found = try await client.find(
                resource, namespace: namespace, name: form.objectName(.page, JournalPage.head))
        } catch {
            throw Self.error(error, "the journal in the cluster cannot be read")
        }
        guard let found else { return nil }
        guard let sheet = form.sheet(found, .page) else { throw PageText.damaged(JournalPage.head) }
        return try JournalPage(sheet)
    }

    /// All pages, by name.
    func pages() async throws(PortError) -> [String: JournalPage] {
        let list: ObjectList
        do {
            list = try await client.list(resource, namespace: namespace, labels: form.labels(.page))
        } catch {
            throw Self.error(error, "the journal in the cluster cannot be read")
        }
        var pages: [String: JournalPage] = [:]
        for object in list.items {
            guard let sheet = form.sheet(object, .page) else { continue }
            pages[sheet.name] = try JournalPage(sheet)
        }
        return pages
    }

    /// Writes the head where it stands as it was seen last, or makes it when it was not there.
    /// - Returns: the head as it stands then.
    func write(_ head: JournalPage) async throws(Failure) -> JournalPage {
        let object = form.object(head.sheet)
        let name = form.objectName(.page, head.name)
        let deadline = ContinuousClock.now + patience
        // Whether an attempt may still be carried out that nobody has answered.
        var isOpen = false
        var pause = Duration.milliseconds(50)
        while true {
            let trouble: ClusterTrouble
            do throws(ClusterTrouble) {
                let written =
                    head.version == nil
                    ? try await client.create(resource, namespace: namespace, object)
                    : try await client.replace(resource, namespace: namespace, name: name, object)
                var next = head
                next.version = written.at("metadata", "resourceVersion")?.text
                return next
            } catch {
                trouble = error
            }
            switch trouble.kind {
            case .notFound where head.version == nil:
                throw .refused(
                    PortError(
                        .storage, "there is no place for the journal in namespace \(namespace): \(trouble.text)",
                        hint: "slipway install server makes one"))
            case .conflict, .exists, .notFound: return try await settle(head, deadline)
            case .unreachable, .server, .garbled: isOpen = true
            case .busy, .unauthorized: break
            case .configuration, .forbidden, .gone, .invalid:
                guard isOpen else { throw .refused(Self.error(trouble, "the journal cannot be written")) }
            }
            guard ContinuousClock.now + pause < deadline, !Task.isCancelled else {
                let error = Self.error(trouble, "the journal cannot be written")
                throw isOpen ? Failure.over(error) : Failure.refused(error)
            }
            // Cancelled: then the next round says so.
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
    }

    /// The head is not as it was seen last: our own write was carried out, or somebody else's.
    private func settle(_ head: JournalPage, _ deadline: ContinuousClock.Instant) async throws(Failure) -> JournalPage {
        while true {
            let found: JournalPage?
            do throws(PortError) { found = try await self.head() } catch {
                guard error.code == .unavailable, ContinuousClock.now < deadline, !Task.isCancelled else {
                    throw .over(error)
                }
                // Cancelled: then it is asked once more, at once, and that is all.
                try? await Task.sleep(for: .milliseconds(200))
                continue
            }
            guard let found else {
                throw .over(
                    PortError(
                        .incompatible, "the journal in namespace \(namespace) is gone: somebody has deleted its head",
                        hint: "put it back from a backup of the objects"))
            }
            if found.isWrite(of: head) { return found }
            throw .over(
                PortError(
                    .stale, "another server writes the journal in namespace \(namespace)",
                    hint: "this one stops; kubectl get lease -n \(namespace) shows who leads"))
        }
    }

    /// Keeps a copy of a head that is full, before the head goes on without it.
    func keep(_ page: JournalPage) async throws(Failure) {
        let deadline = ContinuousClock.now + patience
        var pause = Duration.milliseconds(50)
        while true {
            let trouble: ClusterTrouble
            do throws(ClusterTrouble) {
                _ = try await client.create(resource, namespace: namespace, form.object(page.sheet))
                return
            } catch {
                // Nobody else gives a page this name: it is there since an answer was lost.
                if error.kind == .exists { return }
                trouble = error
            }
            guard trouble.isPassing, ContinuousClock.now + pause < deadline, !Task.isCancelled else {
                throw .refused(Self.error(trouble, "a page of the journal cannot be written"))
            }
            // Cancelled: then the next round says so.
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
    }

    func remove(_ name: String) async throws(PortError) {
        do {
            try await client.delete(resource, namespace: namespace, name: form.objectName(.page, name))
        } catch {
            throw Self.error(error, "a page of the journal cannot be deleted")
        }
    }

    /// In the words of the port.
    static func error(_ trouble: ClusterTrouble, _ what: String) -> PortError {
        let code: PortErrorCode =
            switch trouble.kind {
            case .unreachable, .busy, .server, .unauthorized: .unavailable
            case .configuration, .forbidden, .notFound, .conflict, .exists, .gone, .invalid, .garbled: .storage
            }
        return PortError(code, "\(what): \(trouble.text)", hint: trouble.hint)
    }
}
