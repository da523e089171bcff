/// What the command says about itself.
enum Usage {
  static let text = """
    latchkey-verify checks license files of Latchkey without a network.

      latchkey-verify verify FILE (--public-key KEY... | --root KEY --keys FILE) [options]
          Says in JSON whether FILE may be used, and what it says.
          --public-key KEY          a signing key, base 64; may be given more than once
          --root KEY                the root key of the vendor's account, base 64
          --keys FILE               the vendor's /.well-known/latchkey/keys/ACCOUNT.json
          --fingerprint F           this machine's fingerprint
          --license-key SECRET      opens the payload
          --account ID, --environment test|live, --product ID
                                    accept files for this one only
          --revocations FILE        a list of revoked files
          --last-seen-time T, --last-seen-serial N, --last-seen-revocations N, --last-seen-succession N
                                    refuse what lies before what was seen earlier ("lastSeen" in the answer)
          --at T                    the time, such as 2026-01-15T10:30:00Z; now unless given

      latchkey-verify request --license-key SECRET --fingerprint F [--ttl SECONDS] [--machine-name NAME]
          Writes the request that is carried to the vendor and answered with a license file.

      latchkey-verify release FILE --license-key SECRET --fingerprint F
          Writes the receipt that gives up FILE and returns its seat.

      latchkey-verify sign FILE --root-key SECRET
          For the vendor, where the root is: signs the succession that the server proposes in FILE
          (`unsigned` of GET /api/v1/signing-root/succession), and says which keys it names. SECRET is @FILE with
          the `privateKey` that was shown when the root was made, or - for standard input.

      latchkey-verify inspect FILE
          Shows in JSON what a file says, and checks nothing.

      latchkey-verify fingerprint
          Writes a fingerprint of this machine, made from /etc/machine-id.

    FILE may be - for standard input. KEY may be @FILE. SECRET is @FILE, or - for standard input; or leave the option
    out and set LATCHKEY_LICENSE_KEY. A secret itself is not taken as an argument, since every user of a machine can
    see arguments.

    Exit status: 0 valid or done; 1 damaged or forged; 2 wrong usage; 3 a matter of keys; 4 for something or somebody
    else; 5 a matter of time; 6 revoked.

    """
}

/// Why the command cannot do what it was asked for.
struct Complaint: Error {
  let message: String
  let status: Int32

  init(_ message: String, status: Int32 = ExitStatus.usage) {
    self.message = message
    self.status = status
  }
}
