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
import WebhooksService

@Suite(.onLoop) struct DispatchTests {
  @Test @EventLoop func `an event is posted to whoever wants it, signed, and is in the feed`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        _ = try await fixture.webhook(receiver.url)
        fixture.service.start()
        let event = try #require(try await fixture.commit([.licenseCreated]).first)
        try await fixture.eventually { receiver.requests.count == 1 }
        let request = receiver.requests[0]
        let id = "evt_" + Hex.encode(event.id.bytes)
        #expect(request.eventID == id)
        #expect(request.type == "license.created")
        #expect(request.headers["x-licentric-signature"]?.count == 64)
        let body = String(decoding: request.body, as: UTF8.self)
        #expect(body.hasPrefix(#"{"id":"\#(id)","type":"license.created","createdAt":"#))
        #expect(body.contains(#""licenseId":"\#(fixture.license)","sequence":1,"data":{"id":"#))
        let feed = try await fixture.client.listEvents(ListEventsRequest(), fixture.options)
        #expect(feed.data == [request.body])
        #expect(feed.pagination == FeedPosition(nextCursor: "1", hasMore: false))
        let shown = try await fixture.client.getEvent(GetEventRequest(id: id), fixture.options)
        #expect(shown.sequence == 1)
        #expect(body.contains(String(decoding: shown.data, as: UTF8.self)))
        #expect(try await fixture.count("select count(*) from events.outbox") == 0)
      }
    }
  }

  /// One row a filter: what the webhook asks for, and which of four events it is sent.
  enum Filter: CaseIterable {
    case types, product, metadata, everything

    func apply(_ request: inout CreateWebhookRequest, product: UUID) {
      switch self {
      case .types: request.events = [.licenseSuspended]
      case .product: request.productIds = [product.description]
      case .metadata: request.licenseMetadata = Array(#"{"tier":"pro"}"#.utf8)
      case .everything: break
      }
    }

    var expected: [String] {
      switch self {
      case .types: ["license.suspended"]
      case .product: ["license.created", "license.renewed"]
      case .metadata: ["license.renewed", "license.suspended"]
      case .everything:
        ["license.created", "license.expired", "license.renewed", "license.suspended"]
      }
    }
  }

  @Test(arguments: Filter.allCases)
  @EventLoop func `a webhook is sent what it chose`(filter: Filter) async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let product = UUID.v7()
        _ = try await fixture.webhook(receiver.url) { filter.apply(&$0, product: product) }
        let pro = #"{"tier":"pro","seats":3}"#
        try await fixture.commit([.licenseCreated], product: product)
        try await fixture.commit([.licenseSuspended], product: .v7(), metadata: pro)
        try await fixture.commit([.licenseRenewed], product: product, metadata: pro)
        try await fixture.commit([.licenseExpired], product: .v7(), metadata: #"{"tier":"basic"}"#)
        fixture.service.start()
        try await fixture.eventually {
          try await fixture.count("select count(*) from webhooks.events") == 4
        }
        try await fixture.eventually {
          try await fixture.count("select count(*) from webhooks.finished_deliveries")
            == filter.expected.count
        }
        #expect(receiver.types.sorted() == filter.expected)
      }
    }
  }

  @Test @EventLoop
  func `the feed has no gaps and keeps the sequence of each license, with several dispatchers`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let replicas = [try fixture.replica(), try fixture.replica()]
      for replica in replicas { replica.start() }
      fixture.service.start()
      let licenses = (0..<5).map { _ in UUID.v7() }
      await withTaskGroup(of: Void.self) { group in
        for license in licenses {
          group.addTask { @EventLoop @Sendable in
            for _ in 0..<20 {
              _ = try? await fixture.commit([.licenseUpdated, .licenseSuspended], of: license)
            }
          }
        }
      }
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.events") == 200
      }
      for replica in replicas { await replica.stop() }
      let rows = try await fixture.test.open().read(
        "select position, license_id, sequence from webhooks.events order by position"
      )
      var last: [UUID: Int64] = [:]
      for (index, row) in rows.enumerated() {
        let (position, license, sequence) = try row.values(Int64.self, UUID.self, Int64.self)
        #expect(position == Int64(index) + 1)
        #expect(sequence == last[license, default: 0] + 1)
        last[license] = sequence
      }
    }
  }

  @Test @EventLoop
  func `a producer's clock that runs behind does not turn a license's events around`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      try await fixture.commit([.licenseCreated])
      fixture.clock.advance(by: .seconds(-30))
      try await fixture.commit([.licenseSuspended])
      fixture.service.start()
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.events") == 2
      }
      let feed = try await fixture.client.listEvents(
        ListEventsRequest(licenseId: fixture.license.description),
        fixture.options
      )
      let texts = feed.data.map { String(decoding: $0, as: UTF8.self) }
      #expect(texts[0].contains("license.created"))
      #expect(texts[1].contains("license.suspended"))
    }
  }

  @Test @EventLoop func `the feed is read page by page from a cursor, also when nothing is new`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      try await fixture.commit(Array(repeating: .licenseUpdated, count: 7))
      fixture.service.start()
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.events") == 7
      }
      var cursor: String?
      var seen = 0
      for expected in [3, 3, 1, 0] {
        let page = try await fixture.client.listEvents(
          ListEventsRequest(cursor: cursor, limit: 3),
          fixture.options
        )
        #expect(page.data.count == expected)
        seen += page.data.count
        #expect(page.pagination.hasMore == (seen < 7))
        cursor = page.pagination.nextCursor
      }
      for stranger in fixture.strangers {
        let page = try await fixture.client.listEvents(
          ListEventsRequest(),
          fixture.options(stranger)
        )
        #expect(page.data.isEmpty)
      }
    }
  }

  /// Timers stand still, so nothing but the producer's word can have the service look again.
  @Test @EventLoop func `the producer's word alone has an event dispatched`() async throws {
    try await WebhooksFixture.with { fixture in
      fixture.service.start()
      try await ManualClock.use {
        // The first may be found by the look at the beginning, and the second by that when it has begun to listen.
        for expected in 1...4 {
          try await fixture.commit([.licenseUpdated])
          let deadline = ContinuousClock.now + .seconds(20)
          var found = 0
          while found < expected, ContinuousClock.now < deadline {
            found = try await fixture.count("select count(*) from webhooks.events")
          }
          try #require(found == expected)
        }
      }
    }
  }

  @Test @EventLoop func `an event whose producer died before its word is found all the same`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        _ = try await fixture.webhook(receiver.url)
        fixture.service.start()
        // What is found by listening, and by the look at the beginning, is over.
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually { receiver.requests.count == 1 }
        try await fixture.commit([.licenseUpdated], isTold: false)
        try await fixture.eventually { receiver.requests.count == 2 }
        #expect(receiver.types == ["license.created", "license.updated"])
      }
    }
  }

  /// What is beyond waits in the database: memory does not grow with the number of webhooks.
  @Test @EventLoop func `however many webhooks there are, a process holds so many deliveries`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        receiver.answer = { _ in .nothing }
        for _ in 0..<60 {
          _ = try await fixture.webhook(receiver.url) { $0.maxConcurrency = 1 }
        }
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 400))
        fixture.service.start()
        try await fixture.eventually {
          try await fixture.count("select count(*) from webhooks.events") == 400
        }
        let held = try await fixture.count(
          "select count(*) from webhooks.pending_deliveries where claimed_by is not null"
        )
        #expect(held > 0 && held <= 4_096, "\(held)")
        // Some 20,000 deliveries are written in one transaction, and not those of 500 events.
        let most = try await fixture.count(
          """
          select max(c.count) from (
            select count(*) from webhooks.pending_deliveries group by xmin::text
          ) c
          """
        )
        #expect(most <= 20_000, "\(most)")
        #expect(
          try await fixture.count("select count(*) from webhooks.pending_deliveries") == 24_000
        )
      }
    }
  }

  @Test @EventLoop func `an event of a kind that only a newer release knows waits for it`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let owner = fixture.tenant
      try await fixture.commit([.licenseCreated])
      try await fixture.test.open().query(
        """
        insert into events.outbox (account_id, environment, id, type, payload, created_at)
        values (\(owner.accountID), \(owner.environment), \(UUID.v7()), 'galaxy.formed', '', now())
        """
      )
      fixture.service.start()
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.events") == 1
      }
      #expect(try await fixture.count("select count(*) from events.outbox") == 1)
    }
  }

  /// Events are rendered once for all.
  ///
  /// A second version fails here, until each webhook is sent its own.
  @Test @EventLoop func `a webhook is sent events of the version that it has`() async throws {
    #expect(Webhook.ApiVersion.allCases == [.v1])
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let asked = try await fixture.webhook(receiver.url) { $0.apiVersion = .v1 }
        let unasked = try await fixture.webhook(receiver.url)
        #expect(asked.apiVersion == .v1 && unasked.apiVersion == .v1)
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually { receiver.requests.count == 2 }
        for request in receiver.requests {
          #expect(String(decoding: request.body, as: UTF8.self).contains(#""apiVersion":"v1""#))
        }
      }
    }
  }

  @Test func `every event that services write can be asked for`() {
    for type in EventType.allCases {
      #expect(Webhook.EventType.schema.number(named: type.rawValue) != nil, "\(type)")
    }
  }
}
