import Domain

/// What is going to happen in a world, by time: a binary heap. Two things at the same millisecond happen in the order
/// in which they were planned, so that a seed always gives the same story.
struct Timeline {
    private struct Entry {
        var time: Int64
        var order: UInt64
        var happening: Happening

        func isBefore(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private var heap: [Entry] = []
    private var planned: UInt64 = 0

    init() { heap.reserveCapacity(128) }

    var nextTime: Int64? { heap.first?.time }

    mutating func plan(_ happening: Happening, at time: Int64) {
        planned += 1
        heap.append(Entry(time: time, order: planned, happening: happening))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func take() -> (time: Int64, happening: Happening)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.happening)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            let left = 2 * parent + 1
            if left < heap.count, heap[left].isBefore(heap[least]) { least = left }
            if left + 1 < heap.count, heap[left + 1].isBefore(heap[least]) { least = left + 1 }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// One thing that is going to happen. Larger payloads lie in slots of the world, so that the heap moves plain words.
enum Happening {
    /// The engine asked to be woken; only the newest wish to be woken counts.
    case wake(token: UInt64)
    /// A captured view reaches the engine's shell.
    case runtimeNews(service: Int, slot: Int, boot: Int)
    case routerNews(service: Int, slot: Int, boot: Int)
    /// The shell looks at a service by itself.
    case look(service: Int, boot: Int)
    case effect(slot: Int)
    /// Something is due in the life of an instance; an outdated `life` is ignored.
    case instance(service: Int, id: UInt64, life: Int, InstanceChange)
    case prepared(service: Int, release: Int, boot: Int)
    /// The load of a service changes.
    case load(service: Int)
    case rush(service: Int)
    case tableApplied(service: Int, slot: Int, boot: Int)
    case routerBack(service: Int)
    case answer(service: Int, run: Int, look: Int, life: Int, boot: Int)
    case migration(service: Int, key: MigrationKey, MigrationChange, boot: Int)
    case command(slot: Int)
    case trouble(Fault, service: Int)
    case engineStarts(life: Int)
    case personLooks
    case personActs
}

/// What is due in the life of an instance.
enum InstanceChange {
    case becomesReady
    case givesUp
    case falters
    case recovers
    case dies
    case drainEnds
    case stopped
}

/// Values that wait for their time in the timeline, by slot.
struct Slots<Value> {
    private var values: [Value?] = []
    private var free: [Int] = []

    mutating func keep(_ value: Value) -> Int {
        if let slot = free.popLast() {
            values[slot] = value
            return slot
        }
        values.append(value)
        return values.count - 1
    }

    mutating func take(_ slot: Int) -> Value? {
        guard let value = values[slot] else { return nil }
        values[slot] = nil
        free.append(slot)
        return value
    }

    /// What was on its way is lost.
    mutating func lose() {
        for slot in values.indices { values[slot] = nil }
    }
}
