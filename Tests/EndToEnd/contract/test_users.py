"""The dashboard's own endpoints: each, and each status it can give. What users may do is in ../test_users.py."""

import pytest

from harness import given, rest, shapes, users
from harness.contract import Row, refused

D = "/api/dashboard"
PASSWORD = users.PASSWORD
OTHER = "a donkey in the garden"
EASY = [("password", "password1234"), ("password", "short"), ("password", "x" * 257), ("password", "aaaaaaaaaaaaaa")]
EMAILS = [("email", "nobody"), ("email", "a@b"), ("email", "ä@studio.example"), ("email", None), ("email", 5)]
LOGIN = {"email": "{email}", "password": "{password}"}
ACCEPT = {"token": "{token}", "name": "Ada", "password": PASSWORD}
INVITE = {"email": "{new}@studio.example", "role": "developer"}
SECOND = given.user(second_factor="confirmed")

ROWS = [
    Row(f"POST {D}/login", 200, given.user(), body=LOGIN, by="nobody", shape=shapes.LOGIN,
        shows={"status": "loggedIn"}),
    Row(f"POST {D}/login", 200, SECOND, body=LOGIN, by="nobody", shape=shapes.CHALLENGE,
        shows={"status": "secondFactorNeeded", "user": None}, why="with a second factor"),
    Row(f"POST {D}/login", 401, given.user(), body=LOGIN | {"password": OTHER}, by="nobody", why="wrong password"),
    Row(f"POST {D}/login", 401, body={"email": "nobody@studio.example", "password": OTHER}, by="nobody",
        why="nobody"),
    Row(f"POST {D}/login", 403, given.user(), body=LOGIN, by="nobody", headers={"sec-fetch-site": "cross-site"},
        why="another site"),
    *refused(f"POST {D}/login", {"email": "a@studio.example", "password": "x"},
             [*EMAILS, ("password", ""), ("password", "x" * 257), ("password", None)], by="nobody"),
    Row(f"POST {D}/login/second-factor", 200, given.half_a_login(), by="nobody", shape=shapes.LOGIN,
        body={"challenge": "{challenge}", "code": "{recoveryCode}"}, shows={"status": "loggedIn"}),
    Row(f"POST {D}/login/second-factor", 401, given.half_a_login(), by="nobody",
        body={"challenge": "{challenge}", "code": "000000"}, why="wrong code"),
    Row(f"POST {D}/login/second-factor", 401, by="nobody", body={"challenge": "x", "code": "000000"}, why="nobody"),
    Row(f"POST {D}/logout", 204, given.user(), by="user"),
    Row(f"POST {D}/logout", 403, given.user(), by="user", headers={"x-latchkey-csrf": "0"}, why="without our header"),
    Row(f"GET {D}/me", 200, given.user(), by="user", shape=shapes.ME),
    Row(f"GET {D}/me", 400, given.user(), by="user", headers={"latchkey-environment": "both"},
        issues=[("Latchkey-Environment",)], why="no environment"),
    Row(f"PATCH {D}/me", 200, given.user(), by="user", body={"name": "Ada"}, shape=shapes.USER, shows={"name": "Ada"}),
    *refused(f"PATCH {D}/me", {}, [("name", ""), ("name", None), ("name", "x" * 256)], given.user(), by="user"),
    Row(f"POST {D}/me/password", 204, given.user(), by="user",
        body={"currentPassword": PASSWORD, "newPassword": OTHER}),
    *refused(f"POST {D}/me/password", {"currentPassword": PASSWORD, "newPassword": OTHER},
             [("currentPassword", OTHER), ("newPassword", "password1234"), ("newPassword", "short")],
             given.user(), by="user"),
    Row(f"POST {D}/me/second-factor", 201, given.user(), by="user", body={"password": PASSWORD},
        shape=shapes.NEW_SECOND_FACTOR),
    Row(f"POST {D}/me/second-factor", 409, SECOND, by="user", body={"password": PASSWORD}, code="CONFLICT"),
    *refused(f"POST {D}/me/second-factor", {}, [("password", OTHER), ("password", None)], given.user(), by="user"),
    Row(f"POST {D}/me/second-factor/confirm", 200, given.user(second_factor="begun"), by="user",
        body={"code": "{code}"}, shape=shapes.RECOVERY_CODES),
    Row(f"POST {D}/me/second-factor/confirm", 409, given.user(), by="user", body={"code": "000000"}, code="CONFLICT"),
    *refused(f"POST {D}/me/second-factor/confirm", {}, [("code", "12345"), ("code", "abcdef"), ("code", 123456)],
             given.user(second_factor="begun"), by="user"),
    Row(f"DELETE {D}/me/second-factor", 204, SECOND, by="user", body={"password": PASSWORD}),
    Row(f"DELETE {D}/me/second-factor", 409, given.user(), by="user", body={"password": PASSWORD}, code="CONFLICT"),
    *refused(f"DELETE {D}/me/second-factor", {}, [("password", OTHER)], SECOND, by="user"),
    Row(f"POST {D}/me/recovery-codes", 200, SECOND, by="user", body={"password": PASSWORD},
        shape=shapes.RECOVERY_CODES),
    Row(f"POST {D}/me/recovery-codes", 409, given.user(), by="user", body={"password": PASSWORD}, code="CONFLICT"),
    *refused(f"POST {D}/me/recovery-codes", {}, [("password", OTHER)], SECOND, by="user"),
    Row(f"GET {D}/sessions", 200, shape=shapes.page_of(shapes.SESSION)),
    Row(f"DELETE {D}/sessions/{{id}}", 204, given.session()),
    Row(f"GET {D}/users", 200, given.user(), shape=shapes.page_of(shapes.USER)),
    Row(f"GET {D}/users/{{id}}", 200, given.user(), shape=shapes.USER, shows={"email": "{email}"}),
    Row(f"PATCH {D}/users/{{id}}", 200, given.user(), body={"name": "Ada", "role": "support"}, shape=shapes.USER,
        shows={"name": "Ada", "role": "support"}),
    *refused(f"PATCH {D}/users/{{id}}", {}, [("role", "god"), ("role", None), ("disabled", None), ("name", "")],
             given.user()),
    Row(f"DELETE {D}/users/{{id}}", 204, given.user()),
    Row(f"DELETE {D}/users/{{id}}/second-factor", 204, SECOND),
    Row(f"DELETE {D}/users/{{id}}/second-factor", 409, given.user(), code="CONFLICT", why="without one"),
    Row(f"DELETE {D}/users/{{id}}/second-factor", 422, given.user("admin"), by="user", why="one's own"),
    Row(f"POST {D}/users/{{id}}/password-reset", 422, given.user("admin"), by="user", why="one's own"),
    Row(f"POST {D}/users/{{id}}/password-reset", 201, given.user(), shape=shapes.NEW_PASSWORD_RESET,
        shows={"userId": "{id}"}),
    Row(f"POST {D}/password-resets/accept", 204, given.password_reset(), by="nobody",
        body={"token": "{token}", "password": OTHER}),
    Row(f"POST {D}/password-resets/accept", 401, by="nobody", body={"token": "x", "password": OTHER}),
    *refused(f"POST {D}/password-resets/accept", {"token": "{token}"}, EASY, given.password_reset(), by="nobody"),
    Row(f"POST {D}/invitations", 201, body=INVITE, shape=shapes.NEW_INVITATION, shows={"role": "developer"}),
    Row(f"POST {D}/invitations", 409, given.user(), body={"email": "{email}", "role": "support"}, code="CONFLICT",
        why="a user already"),
    *refused(f"POST {D}/invitations", INVITE, [*EMAILS, ("role", "god"), ("role", None)]),
    Row(f"GET {D}/invitations", 200, given.invitation(), shape=shapes.page_of(shapes.INVITATION)),
    Row(f"DELETE {D}/invitations/{{id}}", 204, given.invitation()),
    Row(f"POST {D}/invitations/accept", 201, given.invitation(), body=ACCEPT, by="nobody", shape=shapes.USER,
        shows={"email": "{email}", "role": "support", "name": "Ada"}),
    Row(f"POST {D}/invitations/accept", 401, body=ACCEPT, by="nobody", why="no such link"),
    *refused(f"POST {D}/invitations/accept", ACCEPT, [*EASY, ("name", ""), ("name", None)], given.invitation(),
             by="nobody"),
    Row(f"POST {D}/api-keys", 201, body={"name": "Shop"}, shape=shapes.DASHBOARD_API_KEY,
        shows={"environment": "test", "fullAccess": True}),
    Row(f"POST {D}/api-keys", 201, body={"name": "Shop", "scopes": ["licenses:read"]},
        headers={"latchkey-environment": "live"}, shape=shapes.DASHBOARD_API_KEY,
        shows={"environment": "live", "scopes": ["licenses:read"]}, why="live"),
    *refused(f"POST {D}/api-keys", {"name": "Shop"}, [("name", ""), ("scopes", []), ("environment", "live")]),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_users(row, api):
    row.check(api)


def test_the_last_owner_stays(foreign_owner):
    """422, whatever is tried; the account has no other owner."""
    one = f"{D}/users/{foreign_owner.id}"
    for method, body in [("PATCH", {"role": "admin"}), ("PATCH", {"disabled": True}), ("DELETE", None)]:
        refused_for_rule = rest.expect_error(foreign_owner.send(method, one, json=body), 422)
        assert refused_for_rule["code"] == "BUSINESS_RULE_VIOLATION"
