public import Faults
public import Messages
public import RPC

// In the making: each goes as its file comes.
extension Licenses {
  public func updateLicense(_ request: UpdateLicenseRequest, _ call: Call) async throws(Fault)
    -> License
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func deleteLicense(_ request: DeleteLicenseRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func reinstateLicense(_ request: LicenseExtensionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func revokeLicense(_ request: LicenseActionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func renewLicense(_ request: LicenseExtensionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func banLicense(_ request: LicenseActionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func createLicenses(_ request: CreateLicensesRequest, _ call: Call) async throws(Fault)
    -> CreateLicensesResponse
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func importLicenses(_ requests: RequestReader<ImportLicensesRequest>, _ call: Call)
    async throws(Fault) -> ImportLicensesResponse
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func exportLicenses(
    _ request: ExportLicensesRequest,
    _ responses: ResponseWriter<ExportLicensesResponse>,
    _ call: Call
  ) async throws(Fault) {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func getAnalytics(_ request: GetAnalyticsRequest, _ call: Call) async throws(Fault)
    -> Analytics
  {
    throw Fault(.unimplemented, "Not there yet")
  }
}
