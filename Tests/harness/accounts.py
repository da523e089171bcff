"""Accounts beside the deployment's first one, made as the operator does it."""

import dataclasses
import uuid

from . import logscan, rest, rpc

ENVIRONMENTS = {"test": 1, "live": 2}


@dataclasses.dataclass(frozen=True)
class Account:
    """One vendor."""

    deployment: object
    id: str
    # What its answers were signed with when it was made.
    signing_key: str

    def api_key(self, environment="test"):
        """A new API key of full access."""
        with rpc.channel(self.deployment, "keys") as channel:
            keys = rpc.Service(channel, "latchkey.keys.v1.Keys")
            request = keys.message(
                "IssueApiKeyRequest",
                account_id=self.id,
                environment=ENVIRONMENTS[environment],
                name=f"{environment} key",
            )
            key = keys.IssueApiKey(request, timeout=10).key
            logscan.note(key)
            return key

    def invitation(self, email, role=1):
        """The link by which somebody becomes a user, an owner unless another number of the contract is given."""
        with rpc.channel(self.deployment, "keys") as channel:
            users = rpc.Service(channel, "latchkey.users.v1.Users")
            request = users.message("IssueInvitationRequest", account_id=self.id, email=email, role=role)
            return users.IssueInvitation(request, timeout=10).link

    def api(self, environment="test", url=None):
        """The REST API with a new key of full access."""
        one = rest.Api(self.deployment, self.api_key(environment), url=url)
        # Not that of the first account, whose answers for keys that are not found are signed by their prefix.
        one.key_prefix = "RIVAL"
        return one


def create(deployment, name="Rival"):
    """Makes an account."""
    with rpc.channel(deployment, "keys") as channel:
        keys = rpc.Service(channel, "latchkey.keys.v1.Keys")
        request = keys.message("CreateAccountRequest", account_id=str(uuid.uuid4()), name=name)
        account = keys.CreateAccount(request, timeout=10)
        assert keys.CreateAccount(request, timeout=10) == account, "twice is once"
        logscan.note(account.signing_key)
        return Account(deployment, account.id, account.signing_key)
