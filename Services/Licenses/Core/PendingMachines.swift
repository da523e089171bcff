public import Faults
public import Messages
public import RPC

// In the making: each goes as its file comes.
extension Licenses {
  public func acquireLicense(_ request: AcquireLicenseRequest, _ call: Call) async throws(Fault)
    -> AcquireLicenseResponse
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func releaseLicense(_ request: ReleaseLicenseRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func activateMachine(_ request: ActivateMachineRequest, _ call: Call) async throws(Fault)
    -> Machine
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func listMachines(_ request: ListMachinesRequest, _ call: Call) async throws(Fault)
    -> ListMachinesResponse
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func getMachine(_ request: GetMachineRequest, _ call: Call) async throws(Fault) -> Machine
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func updateMachine(_ request: UpdateMachineRequest, _ call: Call) async throws(Fault)
    -> Machine
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func deactivateMachine(_ request: MachineRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func heartbeatMachine(_ request: MachineRequest, _ call: Call) async throws(Fault)
    -> Machine
  {
    throw Fault(.unimplemented, "Not there yet")
  }
}
