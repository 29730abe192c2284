import LoadGenerator
import Synchronization
import Testing

extension LoadSuites {
    /// Virtual users: cookies, groups and cohorts.
    @Suite(.timeLimit(.minutes(1)))
    struct LoadUserTests {
        @Test func cookiesComeBackToTheirOwnUser() async throws {
            let seen = Mutex<[String]>([])
            let given = Mutex(0)
            let server = RawServer { peer in
                while let request = peer.request() {
                    if let field = request.firstRange(of: "Cookie: ") {
                        seen.withLock { $0.append(String(request[field.upperBound...].prefix { $0 != "\r\n" })) }
                        peer.send(RawServer.answer())
                    } else {
                        let number = given.withLock {
                            $0 += 1
                            return $0
                        }
                        peer.send(
                            RawServer.answer(
                                fields: "Set-Cookie: id=\(number); Path=/; HttpOnly\r\nset-cookie: a=b\r\n"))
                    }
                }
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 1), requests: 12, users: 3)
            #expect(report.counts.status2xx == 12)
            #expect(given.withLock { $0 } == 3)
            // One connection and round-robin: users 0, 1, 2, 0, 1, 2 …
            let expected = (0..<9).map { "id=\($0 % 3 + 1); a=b" }
            #expect(seen.withLock { $0 } == expected)
        }

        @Test func withoutUsersNoCookieIsKept() async throws {
            let cookies = Mutex(0)
            let server = RawServer { peer in
                while let request = peer.request() {
                    if request.contains("Cookie:") { cookies.withLock { $0 += 1 } }
                    peer.send(RawServer.answer(fields: "Set-Cookie: a=b\r\n"))
                }
            }
            defer { server.stop() }
            _ = try await run(server, .closedLoop(connections: 1), requests: 5)
            #expect(cookies.withLock { $0 } == 0)
        }

        /// Ten users; three of them are given the canary, which answers 500, or not at all.
        @Test func usersAreDividedByWhatTheySaw() async throws {
            let users = Mutex(0)
            let canaries = Mutex(0)
            let server = RawServer { peer in
                while let request = peer.request() {
                    guard let field = request.firstRange(of: "Cookie: u=") else {
                        let number = users.withLock {
                            $0 += 1
                            return $0 - 1
                        }
                        let group = number % 10 < 3 ? "canary" : "stable"
                        peer.send(RawServer.answer(fields: "X-Release: \(group)\r\nSet-Cookie: u=\(group)\r\n"))
                        continue
                    }
                    if request[field.upperBound...].hasPrefix("canary") {
                        let number = canaries.withLock {
                            $0 += 1
                            return $0
                        }
                        if number.isMultiple(of: 2) {
                            peer.send(RawServer.answer(status: "500 Oops", fields: "X-Release: canary\r\n"))
                        } else {
                            return  // No answer, so no group: only the user tells whom it has hit.
                        }
                    } else {
                        peer.wait(milliseconds: 5)
                        peer.send(RawServer.answer(fields: "X-Release: stable\r\n"))
                    }
                }
            }
            defer { server.stop() }
            let report = try await run(
                server, .closedLoop(connections: 1), requests: 100, users: 10, groupBy: "x-release")
            let canary = try #require(report.usersByGroup.first { $0.group == "canary" })
            #expect(canary.usersEver == 3)
            #expect(canary.usersNever == 7)
            #expect(canary.ever.count == 30)
            #expect(canary.ever.failures == 27)
            #expect(canary.never.count == 70)
            #expect(canary.never.failures == 0)
            #expect(canary.never.latency?.samples == 70)
            #expect(try #require(canary.never.latency).p90 >= 5000)
            let ungrouped = try #require(report.ungrouped)
            #expect(ungrouped.failures == report.counts.unanswered)
            #expect(ungrouped.failures == 14)
            #expect(report.groups.map(\.name) == ["canary", "stable"])
            #expect(report.groups.reduce(0) { $0 + $1.statistics.count } + ungrouped.count == 100)
            #expect(report.cohorts.map(\.groups) == [["canary"], ["stable"]])
            #expect(report.cohorts.map(\.users) == [3, 7])
            #expect(report.summary().contains("7 users that never saw canary"))
        }

        /// A user who moves from one group to another belongs to both, and to a cohort of their own.
        @Test func aUserMayHaveSeenSeveralGroups() async throws {
            let server = RawServer { peer in
                var number = 0
                while peer.request() != nil {
                    // Users 0 and 1 in turn; user 1 is moved half-way.
                    let group = number % 2 == 1 && number >= 10 ? "two" : "one"
                    number += 1
                    peer.send(RawServer.answer(fields: "X-G: \(group)\r\n"))
                }
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 1), requests: 20, users: 2, groupBy: "X-G")
            #expect(report.cohorts.map(\.groups) == [["one"], ["one", "two"]])
            #expect(report.cohorts.map(\.statistics.count) == [10, 10])
            #expect(report.usersByGroup.map(\.usersEver) == [2, 1])
            #expect(report.usersByGroup.map(\.usersNever) == [0, 1])
        }

        @Test func manyGroupsShareOneName() async throws {
            let server = RawServer { peer in
                var number = 0
                while peer.request() != nil {
                    peer.send(RawServer.answer(fields: "X-G: g\(number)\r\n"))
                    number += 1
                }
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 1), requests: 100, users: 2, groupBy: "X-G")
            #expect(report.groups.count == 64)
            #expect(report.groups.last?.name == "(other)")
            #expect(report.groups.last?.statistics.count == 37)
            #expect(report.groups[1].name == "g1")
        }
    }
}
