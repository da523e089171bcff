"""Bad input gets a clear error in the envelope of the contract, and harms nobody else."""

import json
import socket
import subprocess
import uuid

import pytest

from harness import rest

# Limits of the issue: bodies of 1 MiB, headers of 16 KiB.
BODY_BYTES_MAX = 1 << 20
HEADER_BYTES_MAX = 16 << 10

BROKEN_JSON = {
    "empty": b"",
    "blank": b"  \n",
    "cut short": b'{"name": "x", "code": ',
    "trailing comma": b'{"name": "x",}',
    "trailing text": b'{"name": "x", "code": "y"} z',
    "two documents": b"{}{}",
    "single quotes": b"{'name': 'x'}",
    "bare words": b"{name: 1}",
    "not a number": b'{"name": NaN}',
    "leading zero": b'{"name": 01}',
    "comment": b'{"name": "x" /* y */}',
    "duplicate key": b'{"name": "x", "code": "one", "code": "two"}',
    "duplicate key in metadata": b'{"name": "x", "code": "c", "metadata": {"a": 1, "a": 2}}',
    "raw NUL": b'{"name": "a\x00b", "code": "c"}',
    "escaped NUL": b'{"name": "a\\u0000b", "code": "c"}',
    "escaped NUL in metadata": b'{"name": "a", "code": "c", "metadata": {"k": "\\u0000"}}',
    "escaped NUL in a name": b'{"name\\u0000x": "a", "code": "c"}',
    "invalid UTF-8": b'{"name": "a\xff", "code": "c"}',
    "overlong UTF-8": b'{"name": "a\xc0\xaf", "code": "c"}',
    "UTF-8 surrogate": b'{"name": "a\xed\xa0\x80", "code": "c"}',
    "lone surrogate": b'{"name": "a\\ud800", "code": "c"}',
    "control character": b'{"name": "a\nb", "code": "c"}',
    "byte order mark": b'\xef\xbb\xbf{"name": "x", "code": "c"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "array": b"[]",
    "string": b'"text"',
    "null": b"null",
    "deep nesting": b"[" * 100_000,
    "deep metadata": b'{"name":"x","code":"c","metadata":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
}


@pytest.mark.parametrize("content", BROKEN_JSON.values(), ids=BROKEN_JSON)
def test_broken_json_is_refused(content, api):
    body = rest.expect_error(api.post_bytes("/products", content), 400)
    assert body["code"] == "VALIDATION_ERROR"


# Fields of a product that replace good ones, and the path of the issue that must be reported.
WRONG_FIELDS = {
    "number for text": ({"name": 5}, ["name"]),
    "text for object": ({"metadata": "x"}, ["metadata"]),
    "array for object": ({"metadata": []}, ["metadata"]),
    "null for a required field": ({"name": None}, ["name"]),
    "array for text": ({"name": ["x"]}, ["name"]),
    "empty text": ({"name": ""}, ["name"]),
    "text too long": ({"name": "x" * 256}, ["name"]),
    "characters outside the class": ({"code": "a b"}, ["code"]),
    "lower case prefix": ({"keyPrefix": "abc"}, ["keyPrefix"]),
    "prefix too short": ({"keyPrefix": "A"}, ["keyPrefix"]),
    "description too long": ({"description": "x" * 1001}, ["description"]),
}


@pytest.mark.parametrize("fields, path", WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_a_wrong_field_is_named(fields, path, api):
    good = {"name": "Atelier", "code": f"c-{uuid.uuid4().hex[:12]}"}
    body = rest.expect_error(api.post("/products", good | fields), 400)
    issues = body["details"]["issues"]
    assert [issue["path"] for issue in issues] == [path], issues
    assert all(issue["message"] and issue["code"] for issue in issues), issues


# The same for policies, where numbers, enums and identifiers are.
WRONG_POLICY_FIELDS = {
    "text for a number": ({"maxMachines": "3"}, ["maxMachines"]),
    "fraction for an integer": ({"maxMachines": 1.5}, ["maxMachines"]),
    "number too large": ({"maxMachines": 1 << 40}, ["maxMachines"]),
    "number below the range": ({"maxMachines": 0}, ["maxMachines"]),
    "negative number": ({"durationDays": -1}, ["durationDays"]),
    "boolean for a number": ({"maxMachines": True}, ["maxMachines"]),
    "number for a boolean": ({"floating": 1}, ["floating"]),
    "text for a boolean": ({"floating": "true"}, ["floating"]),
    "unknown enum value": ({"expirationStrategy": "EXPLODE"}, ["expirationStrategy"]),
    "enum value in the wrong case": ({"expirationStrategy": "revoke"}, ["expirationStrategy"]),
    "number for an enum": ({"expirationStrategy": 1}, ["expirationStrategy"]),
    "empty enum value": ({"template": ""}, ["template"]),
    "bad identifier": ({"productId": "nobody"}, ["productId"]),
    "missing identifier": ({"productId": None}, ["productId"]),
}


@pytest.mark.parametrize("fields, path", WRONG_POLICY_FIELDS.values(), ids=WRONG_POLICY_FIELDS)
def test_a_wrong_field_of_a_policy_is_named(fields, path, api, catalogue):
    good = {"productId": catalogue.product["id"], "name": "P", "maxMachines": 1}
    body = rest.expect_error(api.post("/policies", good | fields), 400)
    assert [issue["path"] for issue in body["details"]["issues"]] == [path]


def test_all_issues_are_reported_at_once(api):
    body = rest.expect_error(api.post("/products", {"code": "a b", "keyPrefix": "x"}), 400)
    paths = {tuple(issue["path"]) for issue in body["details"]["issues"]}
    assert paths == {("name",), ("code",), ("keyPrefix",)}, body


def test_unknown_fields_are_ignored(api):
    code = f"c-{uuid.uuid4().hex[:12]}"
    made = api.post("/products", {"name": "x", "code": code, "colour": {"deep": [1]}})
    assert "colour" not in rest.expect_data(made, 201)


def test_bad_times_and_addresses_are_named(api, catalogue):
    body = {
        "productId": catalogue.product["id"],
        "policyId": catalogue.policy["id"],
        "expiresAt": "tomorrow",
        "userEmail": "nobody",
    }
    refused = rest.expect_error(api.post("/licenses", body), 400)
    paths = {tuple(issue["path"]) for issue in refused["details"]["issues"]}
    assert paths == {("expiresAt",), ("userEmail",)}, refused


def test_a_license_of_a_missing_product_is_refused(api, catalogue):
    body = {"productId": str(uuid.uuid4()), "policyId": catalogue.policy["id"]}
    refused = rest.expect_error(api.post("/licenses", body), 422)
    assert refused["code"] == "REFERENCE_NOT_FOUND"


def test_a_code_can_be_taken_once(api):
    taken = api.product()["code"]
    refused = api.post("/products", {"name": "Second", "code": taken})
    assert refused.status_code in (409, 422), refused.text
    rest.expect_error(refused, refused.status_code)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=nobody", "limit=-1"])
def test_bad_paging_is_refused(query, api):
    rest.expect_error(api.get(f"/products?{query}"), 400)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_bodies_over_a_mebibyte_are_refused(version, deployment, tmp_path):
    """By curl, since httpx cannot read an answer that comes before it has sent its whole body."""
    file = tmp_path / "body"
    # Just within the limit it is judged by its content.
    for size, expected in ((BODY_BYTES_MAX + 1, 413), (BODY_BYTES_MAX - 100, 400)):
        file.write_bytes(json.dumps({"name": "x" * size}).encode())
        done = subprocess.run(
            [
                "curl", "-sS", version, "--cacert", deployment.ca_file, "-w", "\n%{http_code}",
                "-H", "content-type: application/json", "--data-binary", f"@{file}",
                "-H", f"authorization: Bearer {deployment['LATCHKEY_TEST_API_KEY']}",
                f"{deployment.url}/api/v1/products",
            ],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        body, status = done.stdout.rsplit("\n", 1)
        assert status == str(expected), done.stderr + done.stdout
        assert json.loads(body)["code"] in rest.CODES[expected]


def test_a_body_of_unknown_length_over_a_mebibyte_is_refused(deployment):
    """Chunked: the limit holds while the body is read, not only for what Content-Length claims."""

    def pieces():
        for _ in range(BODY_BYTES_MAX // 65536 + 2):
            yield b"x" * 65536

    with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as client:
        rest.expect_error(client.post_bytes("/products", pieces()), 413)


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_headers_over_the_limit_are_refused(http2, deployment):
    with rest.Api(deployment, None, http2) as client:
        response = client.get("/products", headers={"x-filler": "x" * (HEADER_BYTES_MAX + 1)})
        rest.expect_error(response, 431)
        many = {f"x-{n}": "v" * 100 for n in range(200)}
        rest.expect_error(client.get("/products", headers=many), 431)
        # A little less is read, and then asked for a key.
        response = client.get("/products", headers={"x-filler": "x" * (HEADER_BYTES_MAX - 2048)})
        rest.expect_error(response, 401)


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/licenses/validate-key"),
        ("PUT", "/products"),
        ("DELETE", "/products"),
        ("PATCH", "/licenses"),
        ("TRACE", "/products"),
        ("BREW", "/products"),
    ],
)
def test_a_wrong_method_is_refused(method, path, api):
    response = api.send(method, path)
    if path == "/licenses/validate-key" and response.status_code == 404:
        # "validate-key" also has the form of /licenses/{id}: then it is a license that is not there.
        rest.expect_error(response, 404)
        return
    rest.expect_error(response, 405)
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/products/", "/products//", "/licenses/by-key/", "/hooks", "/"],
)
def test_what_does_not_exist_is_not_found(path, api):
    rest.expect_error(api.get(path), 404)


def test_outside_the_api_is_nothing(api):
    for path in ["/", "/api", "/api/v2/products", "/api/v1", "/../etc/passwd", "/%2e%2e/"]:
        assert api.client.get(path).status_code == 404, path


@pytest.mark.parametrize("identifier", ["1", "0" * 36, "%00", "%ff", "a" * 300, "{id}", "%2F"])
def test_a_bad_identifier_in_the_path_is_refused(identifier, api):
    response = api.get(f"/products/{identifier}")
    assert response.status_code in (400, 404), response.text
    rest.expect_error(response, response.status_code)


def test_a_key_in_the_path_is_decoded_after_splitting(api):
    for key in ["no%2Fsuch%2Fkey", "no%20such%20key", "LIC-0000-0000-0000-0000"]:
        rest.expect_error(api.get(f"/licenses/by-key/{key}"), 404)


def test_another_content_type_is_refused(api):
    response = api.send(
        "POST", "/products", content=b"name=x", headers={"content-type": "text/plain"}
    )
    rest.expect_error(response, 415)


def test_a_get_with_a_content_type_and_no_body_is_fine(api):
    """The SDK sends Content-Type with every request."""
    response = api.get("/products", headers={"content-type": "application/json"})
    assert response.status_code == 200


def raw(deployment, request, tls=True):
    """What the gateway answers to these bytes over HTTP/1.1, until it closes."""
    plain = socket.create_connection(("127.0.0.1", deployment.port), timeout=10)
    connection = plain
    if tls:
        context = deployment.trust(["http/1.1"])
        connection = context.wrap_socket(plain, server_hostname="localhost")
    with connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


HEAD = b"POST /api/v1/licenses/validate-key HTTP/1.1\r\nHost: localhost\r\n"
AMBIGUOUS = {
    "length and chunked": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length list": b"Content-Length: 2, 2\r\n\r\n{}",
    "signed length": b"Content-Length: +2\r\n\r\n{}",
    "unknown encoding": b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "folded header": b"X-Test: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "space before colon": b"Content-Length : 0\r\n\r\n",
    "bare line feed": b"X-Test: a\nContent-Length: 0\r\n\r\n",
    "bare carriage return": b"X-Test: a\rb\r\nContent-Length: 0\r\n\r\n",
    "NUL in a header": b"X-Test: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "second host": b"Host: other\r\nContent-Length: 0\r\n\r\n",
    "bad chunk size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "signed chunk size": b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "endless chunk size": b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 5000,
}


@pytest.mark.parametrize("tail", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_the_connection_closed(tail, deployment):
    """What two parsers could read in two ways is how requests are smuggled (RFC 9112)."""
    answer = raw(deployment, HEAD + b"Content-Type: application/json\r\n" + tail)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1 and answer.split(b"\r\n\r\n")[1], answer


@pytest.mark.parametrize(
    "line",
    [b"GET  / HTTP/1.1", b"GET /", b"GET / HTTP/2.0", b"G\x00T / HTTP/1.1", b"GET x HTTP/1.1", b""],
)
def test_a_malformed_request_line_is_refused(line, deployment):
    answer = raw(deployment, line + b"\r\nHost: localhost\r\n\r\n")
    assert not answer or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 ")), answer[:200]


def test_a_request_without_host_is_refused(deployment):
    assert raw(deployment, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_plain_http_gets_no_api_answer(deployment):
    """The key would have crossed the network in clear by then: not even a redirect."""
    try:
        answer = raw(deployment, b"GET /api/v1/products HTTP/1.1\r\nHost: x\r\n\r\n", tls=False)
    except ConnectionResetError:
        answer = b""
    assert b"HTTP/" not in answer and b"{" not in answer, answer


def test_clients_that_hang_up_in_the_middle_harm_nobody(deployment, api):
    """At every stage of a request, many times; then the service works as before."""
    request = (
        HEAD + b"Content-Type: application/json\r\nContent-Length: 40\r\n\r\n" + b'{"key": "LIC-'
    )
    for cut in [0, 5, 40, len(HEAD), len(request)] * 10:
        plain = socket.create_connection(("127.0.0.1", deployment.port), timeout=10)
        connection = deployment.trust(["http/1.1"]).wrap_socket(plain, server_hostname="localhost")
        connection.sendall(request[:cut])
        connection.close()
    whole = HEAD + b'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"key":"LIC"}'
    for _ in range(20):
        # The whole request, and gone before the answer.
        plain = socket.create_connection(("127.0.0.1", deployment.port), timeout=10)
        connection = deployment.trust(["http/1.1"]).wrap_socket(plain, server_hostname="localhost")
        connection.sendall(whole)
        connection.close()
    assert api.validate("LIC-0000-0000-0000-0000")["code"] == "NOT_FOUND"


def test_expect_100_continue_is_answered(deployment):
    """The client is told to go on before it sends its body."""
    context = deployment.trust(["http/1.1"])
    plain = socket.create_connection(("127.0.0.1", deployment.port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(
            HEAD
            + b"Content-Type: application/json\r\nContent-Length: 13\r\n"
            + b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b'{"key":"LIC"}')
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]


def test_requests_may_be_pipelined_and_the_connection_kept(deployment):
    one = HEAD + b'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"key":"LIC"}'
    last = one.replace(b"Host:", b"Connection: close\r\nHost:", 1)
    answer = raw(deployment, one + one + last)
    assert answer.count(b"HTTP/1.1 200 ") == 3, answer
