"""The generated OpenAPI document, as a list of endpoints."""

import dataclasses
import json

from . import processes

FILE = processes.REPOSITORY / "Protos" / "Generated" / "openapi.json"
PREFIX = "/api/v1"


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One method of one path: below /api/v1, or else the whole."""

    method: str
    path: str
    operation: dict = dataclasses.field(compare=False, repr=False)

    @property
    def name(self):
        return f"{self.method} {self.path}"

    @property
    def success(self):
        """The status of success."""
        return max(status for status in self.statuses if status < 300)

    @property
    def statuses(self):
        """Every status that the document knows of."""
        return {int(status) for status in self.operation["responses"]}

    @property
    def credentials(self):
        """Each credential that opens it: {scheme: scopes}. An empty one stands for none at all."""
        return self.operation.get("security", [{}])

    @property
    def is_public(self):
        return not self.credentials or {} in self.credentials

    @property
    def scope(self):
        """The scope that an API key or a role must hold; None where none is needed."""
        scopes = [scopes for one in self.credentials for scopes in one.values() if scopes]
        return scopes[0][0] if scopes else None

    @property
    def takes_session(self):
        return any("dashboard" in one for one in self.credentials)

    @property
    def is_for_users(self):
        """Whether nobody but a user who is logged in may come."""
        return self.takes_session and not self.takes_api_key

    @property
    def begins_session(self):
        """Whether it is a login of some kind."""
        return self.path.startswith("/api/dashboard") and not self.takes_session

    @property
    def takes_api_key(self):
        return any("apiKey" in one for one in self.credentials)

    @property
    def takes_license_key(self):
        return any("licenseKey" in one for one in self.credentials)

    def parameters(self, place):
        """The names of parameters in `path` or `query`."""
        # What is shared by many operations is a reference, and in neither place.
        return [p["name"] for p in self.operation.get("parameters", []) if p.get("in") == place]

    @property
    def names_one(self):
        """Whether it is about one resource, named by its id."""
        return "id" in self.parameters("path")

    @property
    def is_list(self):
        return {"cursor", "limit"} <= set(self.parameters("query"))

    @property
    def has_json_body(self):
        body = self.operation.get("requestBody", {})
        return "application/json" in body.get("content", {})

    @property
    def needs_body(self):
        return self.operation.get("requestBody", {}).get("required", False)


def endpoints(prefix="/api/"):
    """Every endpoint below /api, in the order of the document.

    The documents below /.well-known, which anybody reads, have tests of their own.
    """
    document = json.loads(FILE.read_text())
    return [
        Endpoint(method.upper(), path.removeprefix(PREFIX), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith(prefix)
    ]
