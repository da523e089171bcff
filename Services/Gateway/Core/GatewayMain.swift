internal import Faults
internal import ServiceKit
internal import Stubs

/// The process of the gateway: which parts it is made of.
public enum GatewayMain {
  /// Runs it until it is told to stop, or does what its arguments say.
  public static func run() -> Never {
    ServiceMain.run("gateway", settings: GatewaySettings.self) {
      (service, settings) throws(Fault) in
      let keys = try service.addChannel(
        to: settings.keys,
        identity: "keys",
        as: settings.rpc,
        healthOf: KeysMethods.serviceName,
        isNeeded: true
      )
      let licenses = try service.addChannel(
        to: settings.licenses,
        identity: "licenses",
        as: settings.rpc,
        healthOf: LicensesMethods.serviceName,
        isNeeded: true
      )
      let signing = try service.addChannel(
        to: settings.signing,
        identity: "signing",
        as: settings.rpc,
        healthOf: SigningMethods.serviceName
      )
      let webhooks = try service.addChannel(
        to: settings.webhooks,
        identity: "webhooks",
        as: settings.rpc,
        healthOf: WebhooksMethods.serviceName
      )
      let gateway = Gateway(
        keys: keys,
        licenses: licenses,
        signing: signing,
        webhooks: webhooks,
        // The kernel spreads clients among the workers.
        rateLimits: settings.rateLimits?.divided(among: service.workers),
        proxies: settings.proxies,
        transportSecurity: settings.transportSecurity,
        log: service.log,
        observers: Observers(
          probes: Probes(service.monitoring),
          log: settings.logsRequests ? RequestLog(service: service.name) : nil,
          tracer: service.tracer
        )
      )
      service.monitoring.addMetrics { gateway.collect(into: &$0) }
      try service.addHTTPSServer(
        settings.httpsListen,
        files: settings.httpsFiles,
        handler: gateway
      )
      if let challenges = settings.challenges {
        service.addHTTPServer(
          challenges.listen,
          handler: ACMEChallenges(webroot: challenges.webroot)
        )
      }
      // Health and reflection; no identity may speak for somebody else here.
      _ = try service.addRPCServer(settings.rpc, trusting: [])
    }
  }
}
