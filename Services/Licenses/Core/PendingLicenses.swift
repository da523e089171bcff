public import Faults
public import Messages
public import RPC

// In the making: each goes as its file comes.
extension Licenses {
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
}
