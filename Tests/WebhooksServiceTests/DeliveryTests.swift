import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Protobuf
import Stubs
import TestKit
import Testing
import WebhooksSending

@testable import WebhooksService

@Suite(.onLoop) struct DeliveryTests {
  @Test @EventLoop
  func `what fails is tried again with the same id and body, until it is received`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in receiver.requests.count < 3 ? .status(503) : .status(200) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        #expect(Set(receiver.ids).count == 1)
        #expect(Set(receiver.requests.map(\.body)).count == 1)
        let delivery = try await fixture.delivery(webhook, .succeeded)
        #expect(delivery.attempt == 3)
        #expect(delivery.attempts.map(\.responseStatus) == [503, 503, 200])
        #expect(delivery.attempts.map { $0.error == nil } == [false, false, true])
        #expect(delivery.attempts[0].responseHead?.contains("503") == true)
      }
    }
  }

  @Test @EventLoop
  func `the log shows the head of every request as it was sent, wherever the webhook is now`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in
          // Each attempt in a second of its own.
          fixture.clock.advance(by: .seconds(1))
          return receiver.requests.count < 3 ? .status(503) : .status(200)
        }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(
            id: webhook.id,
            url: "http://127.0.0.1:47999/elsewhere",
            signatureScheme: .legacy,
            presentNames: ["url", "signatureScheme"]
          ),
          fixture.options
        )
        let attempts = try await fixture.delivery(webhook, .succeeded).attempts
        #expect(attempts.count == 3 && receiver.requests.count == 3)
        for (attempt, request) in zip(attempts, receiver.requests) {
          let head = try #require(attempt.requestHead)
          let lines = head.split(separator: "\n")
          #expect(lines.count == 11)
          #expect(lines[0] == "POST /hook")
          #expect(lines[1] == "Host: \(receiver.url.split(separator: "/")[1])")
          for line in lines.dropFirst(2) {
            let parts = line.split(separator: ": ", maxSplits: 1)
            #expect(request.headers[parts[0].lowercased()] == String(parts[1]), "\(line)")
          }
          #expect(head.contains("X-Licentric-Signature: ") && !head.contains("whsec_"))
        }
        // Every attempt is signed anew, since receivers refuse what is old.
        let times = receiver.requests.map { $0.headers["x-licentric-timestamp"] }
        #expect(Set(times).count == 3)
        let secret = try #require(webhook.secret)
        #expect(receiver.requests.allSatisfy { $0.isSigned(by: secret) })
      }
    }
  }

  @Test @EventLoop
  func `after its last attempt a delivery is a dead letter, and can be sent again`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in .status(500) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .failed).count == 1
        }
        #expect(receiver.requests.count == 4)
        let dead = try await fixture.delivery(webhook, .failed)
        receiver.answer = { _ in .status(200) }
        let again = try await fixture.client.redeliverDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: dead.id),
          fixture.options
        )
        #expect(again.status == .pending)
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        let mended = try await fixture.delivery(webhook, .succeeded)
        #expect(mended.id == dead.id)
        #expect(mended.attempts.count == 5)
        #expect(receiver.ids.allSatisfy { $0 == mended.eventId })
      }
    }
  }

  @Test @EventLoop func `in an ordered webhook the next of a license waits, and others do not`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.ordering = .ordered }
        let other = UUID.v7()
        var failures = 0
        receiver.answer = { request in
          guard request.type == "license.created", failures < 2 else { return .status(200) }
          failures += 1
          return .status(500)
        }
        try await fixture.commit([.licenseCreated, .licenseSuspended, .licenseReinstated])
        try await fixture.commit([.licenseRenewed, .licenseExpired], of: other)
        fixture.service.start()
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 5
        }
        let mine = receiver.types.filter { $0 != "license.renewed" && $0 != "license.expired" }
        #expect(
          mine == [
            "license.created", "license.created", "license.created", "license.suspended",
            "license.reinstated",
          ]
        )
        let others = receiver.types.filter { $0 == "license.renewed" || $0 == "license.expired" }
        #expect(others == ["license.renewed", "license.expired"])
      }
    }
  }

  @Test @EventLoop func `a line moves on when its head is given up or cancelled`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.ordering = .ordered }
        receiver.answer = { $0.type == "license.created" ? .status(500) : .status(200) }
        try await fixture.commit([.licenseCreated, .licenseSuspended])
        fixture.service.start()
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        #expect(
          try await fixture.deliveries(webhook, .failed).map(\.eventType) == ["license.created"]
        )
        await fixture.service.stop()
      }
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.ordering = .ordered }
        receiver.answer = { $0.type == "license.created" ? .status(500) : .status(200) }
        try await fixture.commit([.licenseCreated, .licenseSuspended])
        fixture.service.start()
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .pending).first?.attempt == 1
        }
        let head = try await fixture.delivery(webhook, .pending)
        #expect(try await fixture.deliveries(webhook, .waiting).count == 1)
        let cancelled = try await fixture.client.cancelDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: head.id),
          fixture.options
        )
        #expect(cancelled.status == .cancelled)
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        let refused = try await fault {
          try await fixture.client.cancelDelivery(
            DeliveryRequest(id: webhook.id, deliveryId: head.id),
            fixture.options
          )
        }
        #expect(refused.reason == .conflict)
      }
    }
  }

  @Test @EventLoop func `what a process that died had claimed is taken back at once`() async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in .nothing }
        let doomed = try fixture.replica()
        doomed.start()
        try await fixture.eventually {
          try await fixture.count("select count(*) from pg_locks where classid = 1818982244") == 1
        }
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually { receiver.requests.count == 1 }
        fixture.service.start()
        receiver.answer = { _ in .status(200) }
        // As the server ends the session of a process that was killed; no time passes that would end a lease.
        let ended = try await fixture.count(
          """
          select count(pg_terminate_backend(l.pid)) from pg_locks l
          join webhooks.pending_deliveries d on l.objid = d.claimed_by::oid
          where l.locktype = 'advisory' and l.classid = 1818982244
          """
        )
        #expect(ended == 1)
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        #expect(receiver.requests.count == 2)
        #expect(Set(receiver.ids).count == 1)
        await doomed.stop()
      }
    }
  }

  @Test @EventLoop
  func `what a process holds for longer than a lease is taken back, though it lives`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in .nothing }
        let stuck = try fixture.replica()
        stuck.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually { receiver.requests.count == 1 }
        receiver.answer = { _ in .status(200) }
        fixture.service.start()
        await EventLoop.sleep(for: .milliseconds(600))
        #expect(receiver.requests.count == 1)
        fixture.clock.advance(by: .seconds(61))
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        #expect(Set(receiver.ids).count == 1)
        await stuck.stop()
        #expect(try await fixture.deliveries(webhook, .succeeded).count == 1)
      }
    }
  }

  @Test @EventLoop func `a line never stands still, whoever adds to it while its head ends`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.ordering = .ordered }
        let replicas = [try fixture.replica(), try fixture.replica()]
        for replica in replicas { replica.start() }
        fixture.service.start()
        let licenses = (0..<4).map { _ in UUID.v7() }
        await withTaskGroup(of: Void.self) { group in
          for license in licenses {
            group.addTask { @EventLoop @Sendable in
              for _ in 0..<40 { _ = try? await fixture.commit([.licenseUpdated], of: license) }
            }
          }
        }
        try await fixture.eventually {
          try await fixture.count("select count(*) from webhooks.finished_deliveries") == 160
        }
        for replica in replicas { await replica.stop() }
        #expect(try await fixture.deliveries(webhook, .waiting).isEmpty)
        // Each license's events in their order, as often as they came.
        for license in licenses {
          let sequences = receiver.requests.compactMap { request -> Int? in
            let body = String(decoding: request.body, as: UTF8.self)
            guard body.contains(#""licenseId":"\#(license)""#) else { return nil }
            let digits = body.split(separator: #""sequence":"#, maxSplits: 1)[1].prefix(
              while: \.isNumber
            )
            return Int(digits)
          }
          #expect(sequences == Array(1...40))
        }
      }
    }
  }

  @Test @EventLoop func `several processes deliver each event once`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        let replicas = [try fixture.replica(), try fixture.replica()]
        for replica in replicas { replica.start() }
        fixture.service.start()
        for _ in 0..<30 { try await fixture.commit(Array(repeating: .licenseUpdated, count: 10)) }
        try await fixture.eventually {
          try await fixture.count("select count(*) from webhooks.finished_deliveries") == 300
        }
        #expect(receiver.requests.count == 300)
        #expect(Set(receiver.ids).count == 300)
        #expect(try await fixture.deliveries(webhook, .pending).isEmpty)
        for replica in replicas { await replica.stop() }
      }
    }
  }

  @Test @EventLoop func `a receiver that hangs does not keep another waiting`() async throws {
    try await TestReceiver.with { slow in
      try await TestReceiver.with { fast in
        try await WebhooksFixture.with { fixture in
          slow.answer = { _ in .nothing }
          _ = try await fixture.webhook(fast.url)
          fixture.service.start()
          @EventLoop func median() async throws -> Duration {
            var times: [Duration] = []
            for _ in 0..<40 {
              let before = fast.requests.count
              let start = Instant.now
              try await fixture.commit([.licenseUpdated])
              while fast.requests.count == before {
                guard Instant.now - start < .seconds(10) else {
                  throw Fault(.deadlineExceeded, "No delivery came")
                }
                await EventLoop.sleep(for: .milliseconds(1))
              }
              times.append(fast.requests[before].at - start)
            }
            return times.sorted()[20]
          }
          let alone = try await median()
          _ = try await fixture.webhook(slow.url)
          let beside = try await median()
          #expect(slow.requests.count > 0)
          // Generous beside other work; the proof with real processes is end to end.
          #expect(beside < alone * 1.5 + .milliseconds(20), "\(alone) alone, \(beside) beside")
        }
      }
    }
  }

  @Test @EventLoop func `receivers of one tenant that hang do not keep another tenant waiting`()
    async throws
  {
    var sending = SendingLimits()
    sending.concurrentMax = 200
    // Longer than the test waits.
    sending.total = .seconds(60)
    try await TestReceiver.with { slow in
      try await TestReceiver.with { fast in
        try await WebhooksFixture.with(sending: sending) { fixture in
          // It answers once: before that libcurl does not know whether one connection carries several requests, and waits.
          slow.answer = { _ in slow.requests.count == 1 ? .status(204) : .nothing }
          for _ in 0..<30 { _ = try await fixture.webhook(slow.url) }
          let other = Tenant(accountID: .v7(), environment: .test)
          _ = try await fixture.webhook(fast.url, other)
          // More than all of the sender's places, and of those in memory, several times over.
          try await fixture.commit(Array(repeating: .licenseUpdated, count: 400))
          fixture.service.start()
          try await fixture.eventually { slow.requests.count >= 150 }
          for number in 1...3 {
            try await fixture.commit([.licenseUpdated], of: .v7(), for: other)
            try await fixture.eventually(within: .seconds(5)) { fast.requests.count == number }
          }
          // Each of those that hang has something under way as well.
          #expect(Set(slow.requests.map(\.delivery)).count == slow.requests.count)
          #expect(slow.requests.count < 200)
        }
      }
    }
  }

  @Test @EventLoop func `410 disables at once, with an event and a line in the audit log`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in .status(410) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          try await fixture.count(
            "select count(*) from webhooks.events where type = 'webhook.disabled'"
          ) == 1
        }
        let shown = try await fixture.client.getWebhook(
          GetWebhookRequest(id: webhook.id),
          fixture.options
        )
        #expect(shown.status == .disabled)
        #expect(shown.disabledReason == .gone)
        #expect(
          try await fixture.count(
            "select count(*) from changes.audit_entries where action = 'webhook.disable'"
          ) == 1
        )
      }
    }
  }

  @Test @EventLoop
  func `a webhook that has failed for days is disabled, not for one event in a quiet week`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in .status(500) }
        fixture.service.start()
        @EventLoop func status() async throws -> Webhook.Status {
          try await fixture.client.getWebhook(GetWebhookRequest(id: webhook.id), fixture.options)
            .status
        }
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .failed).count == 1
        }
        #expect(try await fixture.count("select failure_count::int8 from webhooks.endpoints") == 4)
        fixture.clock.advance(by: .seconds(6 * 24 * 3600))
        #expect(try await status() == .enabled)
        // Five more, which would take their time: after so many the webhook is asked now and then only.
        try await fixture.test.open().query("update webhooks.endpoints set failure_count = 9")
        try await fixture.commit([.licenseUpdated])
        try await fixture.eventually { try await status() == .disabled }
        let webhookShown = try await fixture.client.getWebhook(
          GetWebhookRequest(id: webhook.id),
          fixture.options
        )
        #expect(webhookShown.disabledReason == .failing)
        // Not silently: with an event for the account's other webhooks and its feed, and a line in the audit log.
        try await fixture.eventually {
          try await fixture.count(
            "select count(*) from webhooks.events where type = 'webhook.disabled'"
          ) == 1
        }
        let feed = try await fixture.client.listEvents(
          ListEventsRequest(eventType: "webhook.disabled"),
          fixture.options
        )
        let told = String(decoding: try #require(feed.data.first), as: UTF8.self)
        #expect(told.contains(#""id":"\#(webhook.id)""#))
        #expect(told.contains(#""disabledReason":"failing""#))
        #expect(
          try await fixture.count(
            "select count(*) from changes.audit_entries where action = 'webhook.disable'"
          ) == 1
        )
      }
    }
  }

  @Test @EventLoop func `what was missed while disabled is in the log, and recovered by request`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.status = .disabled }
        fixture.service.start()
        let since = fixture.clock.now
        try await fixture.commit([.licenseCreated, .licenseSuspended])
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .skipped).count == 2
        }
        fixture.clock.advance(by: .seconds(1))
        let request = RecoverDeliveriesRequest(id: webhook.id, since: since.milliseconds)
        let refused = try await fault {
          try await fixture.client.recoverDeliveries(request, fixture.options)
        }
        #expect(refused.reason == .conflict)
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: webhook.id, status: .enabled, presentNames: ["status"]),
          fixture.options
        )
        let answer = try await fixture.client.recoverDeliveries(request, fixture.options)
        #expect(answer == RedeliverDeliveriesResponse(count: 2, hasMore: false))
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 2
        }
        fixture.clock.advance(by: .seconds(1))
        let nothing = try await fixture.client.recoverDeliveries(request, fixture.options)
        #expect(nothing.count == 0)
        let all = try await fixture.client.redeliverDeliveries(
          RedeliverDeliveriesRequest(id: webhook.id, from: since.milliseconds),
          fixture.options
        )
        #expect(all.count == 2)
        try await fixture.eventually { receiver.requests.count == 4 }
      }
    }
  }

  @Test @EventLoop func `during an overlap both secrets sign, each its own headers`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        let old = try #require(webhook.secret)
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually { receiver.requests.count == 1 }
        #expect(receiver.requests[0].isSigned(by: old))
        #expect(receiver.requests[0].headers["webhook-signature"]?.split(separator: " ").count == 1)
        let rotated = try await fixture.client.rotateWebhookSecret(
          RotateWebhookSecretRequest(id: webhook.id, overlapSeconds: 60),
          fixture.options
        )
        let new = try #require(rotated.secret)
        try await fixture.commit([.licenseUpdated])
        try await fixture.eventually { receiver.requests.count == 2 }
        // Who has the old one sees no change, and who has the new one finds it.
        #expect(receiver.requests[1].isSigned(by: old))
        #expect(receiver.requests[1].isSigned(by: new, suffix: "-next"))
        #expect(receiver.requests[1].headers["webhook-signature"]?.split(separator: " ").count == 2)
        fixture.clock.advance(by: .seconds(61))
        try await fixture.commit([.licenseUpdated])
        try await fixture.eventually { receiver.requests.count == 3 }
        #expect(receiver.requests[2].isSigned(by: new))
        #expect(!receiver.requests[2].isSigned(by: old))
        #expect(receiver.requests[2].headers["x-licentric-signature-next"] == nil)
        #expect(receiver.requests[2].headers["webhook-signature"]?.split(separator: " ").count == 1)
      }
    }
  }

  @Test @EventLoop func `no more are under way than the webhook may have, and each place is used`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.maxConcurrency = 3 }
        let id = try #require(UUID(webhook.id))
        // It answers once: before that libcurl does not know whether one connection carries several requests, and waits.
        receiver.answer = { _ in receiver.requests.count == 1 ? .status(204) : .nothing }
        fixture.service.start()
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 20))
        try await fixture.eventually { receiver.requests.count >= 4 }
        // Two looks for what is due, at least.
        let last = try #require(receiver.requests.last).at
        try await fixture.eventually { Instant.now - last > .milliseconds(1_100) }
        #expect(receiver.requests.count == 4)
        #expect(fixture.service.deliverer.lanes[id]?.underWayCount == 3)
      }
    }
  }

  @Test @EventLoop func `a test says how the receiver answered, and leaves nothing behind`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        for type in EventType.allCases {
          let wanted = Webhook.EventType(
            rawValue: try #require(Webhook.EventType.schema.number(named: type.rawValue))
          )
          let answer = try await fixture.client.testWebhook(
            TestWebhookRequest(id: webhook.id, eventType: wanted),
            fixture.options
          )
          #expect(answer.succeeded)
          #expect(answer.attempt.requestHead?.contains("X-Licentric-Signature: ") == true)
          #expect(receiver.types.last == type.rawValue)
          #expect(receiver.ids.last == answer.eventId)
        }
        receiver.answer = { _ in .status(500) }
        let failed = try await fixture.client.testWebhook(
          TestWebhookRequest(id: webhook.id),
          fixture.options
        )
        #expect(!failed.succeeded)
        #expect(failed.attempt.responseStatus == 500)
        #expect(try await fixture.count("select count(*) from webhooks.events") == 0)
      }
    }
  }

  @Test @EventLoop func `the log of a webhook is paged, the newest first, and chosen from by type`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        fixture.service.start()
        let types: [EventType] = [
          .licenseCreated, .licenseUpdated, .licenseCreated, .licenseSuspended, .licenseCreated,
        ]
        var events: [String] = []
        for type in types {
          events += try await fixture.commit([type]).map { EventID.text($0.id) }
          fixture.clock.advance(by: .seconds(1))
        }
        // Some in the log, and some pending still.
        receiver.answer = { _ in .status(receiver.requests.count > 3 ? 500 : 204) }
        try await fixture.eventually { receiver.requests.count >= types.count }
        var listed: [Delivery] = []
        var cursor: String?
        repeat {
          let page = try await fixture.client.listDeliveries(
            ListDeliveriesRequest(id: webhook.id, cursor: cursor, limit: 2),
            fixture.options
          )
          #expect(page.data.count == (cursor == nil || page.pagination.hasMore ? 2 : 1))
          listed += page.data
          cursor = page.pagination.nextCursor
        } while cursor != nil
        #expect(listed.map(\.eventId) == events.reversed())
        let created = try await fixture.client.listDeliveries(
          ListDeliveriesRequest(id: webhook.id, eventType: "license.created"),
          fixture.options
        )
        #expect(created.data.map(\.eventId) == [events[4], events[2], events[0]])
      }
    }
  }

  @Test @EventLoop func `what a receiver answered is kept, as much of it as tells something`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        fixture.service.start()
        receiver.answer = { _ in .text(String(repeating: "0123456789", count: 200)) }
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        let attempt = try #require(try await fixture.delivery(webhook, .succeeded).attempts.first)
        #expect(attempt.responseStatus == 200)
        #expect(attempt.responseHead?.contains("x-handler: test") == true)
        #expect(attempt.responseBody?.utf8.count == 1_024)
        #expect(attempt.responseBody?.hasPrefix("0123456789") == true)
      }
    }
  }

  @Test @EventLoop func `the deliveries of an event are listed, whatever became of them`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let one = try await fixture.webhook(receiver.url)
        let two = try await fixture.webhook(receiver.url) { $0.status = .disabled }
        fixture.service.start()
        let event = try #require(try await fixture.commit([.licenseCreated]).first)
        try await fixture.eventually {
          try await fixture.count("select count(*) from webhooks.finished_deliveries") == 2
        }
        let listed = try await fixture.client.listEventDeliveries(
          ListEventDeliveriesRequest(id: event.id.description),
          fixture.options
        )
        #expect(Set(listed.data.map(\.webhookId)) == [one.id, two.id])
        #expect(Set(listed.data.map(\.status)) == [.succeeded, .skipped])
        // Or of those only that are so far.
        let rows: [(status: Delivery.Status, webhooks: [String])] = [
          (.succeeded, [one.id]), (.skipped, [two.id]), (.failed, []), (.cancelled, []),
          (.pending, []), (.waiting, []),
        ]
        for row in rows {
          let some = try await fixture.client.listEventDeliveries(
            ListEventDeliveriesRequest(id: event.id.description, status: row.status),
            fixture.options
          )
          #expect(some.data.map(\.webhookId) == row.webhooks, "\(row.status)")
        }
      }
    }
  }
}
