"""The contract as rows: a request, in a state of things, and what must come of it.

    Row("POST /licenses/{id}/suspend", 409, given.license(do=["revoke"]), code="CONFLICT")

Texts of the form `{name}` in paths and bodies stand for what `given` made.
"""

import dataclasses
import re
import typing
import uuid

from . import rest, shapes

# No such thing anywhere.
ABSENT = "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11"

NOTHING = object()


def nothing(api):
    """Nothing has to be there for this row."""
    return {}


@dataclasses.dataclass(frozen=True)
class Row:
    """One request and what must come of it."""

    # "POST /products": the method, and the path below /api/v1; another path is given as a whole.
    endpoint: str
    status: int
    # Makes what the row needs, and names it.
    given: typing.Callable = nothing
    # Which of the things made is the `{id}` of the path.
    at: str = "id"
    body: object = NOTHING
    query: dict = dataclasses.field(default_factory=dict)
    # "api key" (on paths of the dashboard its account's owner), "live api key" (of the deployment's first account),
    # "license key" (that of `given`), "user" (that of `given`) or "nobody".
    by: str = "api key"
    headers: dict = dataclasses.field(default_factory=dict)
    # Of a success: the shape of `data`, or of the whole body of a list; and fields with their values.
    shape: object = None
    shows: dict = dataclasses.field(default_factory=dict)
    # Of a refusal: the code where the status has several, the paths of all issues, and other details.
    code: str = None
    issues: tuple = ()
    details: dict = None
    # What tells rows with the same request apart.
    why: str = ""

    def __str__(self):
        return " ".join([self.endpoint, str(self.status), self.why or self.code or ""]).strip()

    def send(self, api, made):
        """Makes the request."""
        method, path = self.endpoint.split(" ")
        path = fill(path.replace("{id}", f"{{{self.at}}}"), made)
        options = {"params": fill(self.query, made), "headers": fill(self.headers, made)}
        if self.body is not NOTHING:
            options["json"] = fill(self.body, made)
        if self.by == "license key":
            options["headers"]["authorization"] = f"License {made['key']}"
        if self.by == "live api key":
            options["headers"]["authorization"] = f"Bearer {api.deployment['LATCHKEY_LIVE_API_KEY']}"
        if self.by == "nobody":
            return api.client.request(method, rest.whole(path), **options)
        if self.by == "user":
            return made["user"].send(method, path, **options)
        return api.send(method, path, **options)

    def check(self, api):
        """Makes what is given, sends the request, and judges the answer; gives it."""
        made = self.given(api)
        response = self.send(api, made)
        if self.status >= 400:
            self._expect_refusal(response)
        elif self.status == 204:
            assert response.status_code == 204 and response.content == b"", response.text
            assert rest.REQUEST_ID.fullmatch(response.headers["x-request-id"])
        else:
            self._expect_success(response, made)
        return response

    def _expect_success(self, response, made):
        shown = rest.expect_data(response, self.status)
        assert set(response.json()) <= {"data", "pagination"}, response.text
        if self.shape is not None:
            is_list = isinstance(self.shape, dict) and "pagination" in self.shape
            shapes.matches(self.shape, response.json() if is_list else shown)
        expected = fill(self.shows, made)
        assert {name: shown.get(name, "absent") for name in expected} == expected

    def _expect_refusal(self, response):
        body = rest.expect_error(response, self.status)
        if self.code is not None:
            assert body["code"] == self.code, body
        if self.details is not None:
            assert body["details"] == self.details, body
        if self.issues:
            issues = body["details"]["issues"]
            # One field may be wrong in several ways.
            assert {tuple(issue["path"]) for issue in issues} == set(self.issues), issues
            for issue in issues:
                assert set(issue) == {"path", "message", "code"}, issue
                assert issue["message"] and issue["code"], issue


def fill(value, made):
    """Puts what was made in the place of `{name}`; a text that is nothing else keeps the value's type."""
    if isinstance(value, dict):
        return {name: fill(one, made) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(one, made) for one in value]
    if not isinstance(value, str):
        return value
    if (whole := re.fullmatch(r"\{(\w+)\}", value)) and whole[1] in made:
        return made[whole[1]]
    if value == "{new}":
        return f"new-{uuid.uuid4().hex[:16]}"
    return re.sub(r"\{(\w+)\}", lambda name: str(made.get(name[1], name[0])), value)


def refused(endpoint, good, changes, given=nothing, by="api key"):
    """Rows in which one field of a good body is bad: each change is (name, value, path...), and the path is the
    name where it is left out."""
    return [
        Row(
            endpoint,
            400,
            given,
            body=good | {name: value},
            by=by,
            code="VALIDATION_ERROR",
            issues=(tuple(path) or (name,),),
            why=f"{name}={str(value)[:30]!r}",
        )
        for name, value, *path in changes
    ]
