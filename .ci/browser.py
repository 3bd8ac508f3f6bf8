"""What only a browser can show, in a headless Chromium, with the real programs.

`docs`: /docs shows every operation, takes a token, carries out a kick, and asks no other host for anything; also behind a
proxy that takes a prefix off each path.
`dashboard`: a page on another origin does all that the README promises to it; one that is not listed reads nothing.
"""

import functools
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from playwright.sync_api import Error, sync_playwright

TARGET = pathlib.Path(sys.argv[1])
PROGRAMS = TARGET / "debug"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def eventually(what, found, seconds=20):
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return result


def is_ready(operations):
    try:
        return urllib.request.urlopen(f"{operations}/readyz", timeout=5).status == 200
    except OSError:
        return False


class Development:
    """`modgate-dev`: a database, the simulator and a gateway. A second gateway beside it serves other origins."""

    def __init__(self, directory):
        self.directory = directory
        variables = {"PATH": os.environ["PATH"], "MODGATE_LOG": "warn"}
        self.program = subprocess.Popen(
            [PROGRAMS / "modgate-dev", directory], env=variables, stdout=subprocess.PIPE, text=True)
        printed = ""
        while "Ctrl-C" not in printed:
            line = self.program.stdout.readline()
            assert line, "modgate-dev ended"
            printed += line
        find = lambda pattern: re.search(pattern, printed, re.MULTILINE)[1]
        self.gateway = find(r"^gateway +(\S+)")
        self.operations = find(r"^operations +(\S+)")
        self.simulator = find(r"^simulator +(\S+)")
        self.database = find(r"psql '(.+)'")
        self.moderator = find(r"^moderator +(\S+)")
        eventually("the gateway is ready", lambda: is_ready(self.operations))

    def kick(self, user):
        """An action that some other replica carries out."""
        body = json.dumps({"room_id": "room-test", "user_id": user, "data": ""}).encode()
        headers = {"Authorization": f"Bearer {self.moderator}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.gateway}/v1/actions/kick_seat", body, headers)
        return json.load(urllib.request.urlopen(request, timeout=15))["id"]

    def kicked(self, user):
        headers = {"Authorization": f"Bearer {self.moderator}"}
        request = urllib.request.Request(f"{self.gateway}/v1/actions?user_id={user}", headers=headers)
        return len(json.load(urllib.request.urlopen(request, timeout=15))["items"])

    def stop(self):
        self.program.send_signal(signal.SIGINT)
        self.program.wait(60)


class OtherGateway:
    """A second replica, which serves the pages of `origin`."""

    def __init__(self, development, origin):
        port, operations = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.operations = f"http://127.0.0.1:{operations}"
        self.variables = {
            "MODGATE_LISTEN": f"127.0.0.1:{port}",
            "MODGATE_OPS_LISTEN": f"127.0.0.1:{operations}",
            "MODGATE_DATABASE_URL": development.database,
            "MODGATE_TENCENT_URL": development.simulator,
            "MODGATE_TENCENT_SDK_APP_ID": "1400000000",
            "MODGATE_TENCENT_SECRET_KEY_FILE": f"{development.directory}/tencent-secret-key",
            "MODGATE_JWT_ISSUER": "modgate-dev",
            "MODGATE_JWT_AUDIENCE": "modgate",
            "MODGATE_JWT_SECRET_FILE": f"{development.directory}/jwt-secret",
            "MODGATE_MODERATOR_QPS": "1",
            "MODGATE_CORS_ORIGINS": origin,
            "MODGATE_LOG": "warn",
        }
        self.start()

    def start(self):
        self.program = subprocess.Popen([PROGRAMS / "modgate", "serve"], env=self.variables)
        eventually("the other gateway is ready", lambda: is_ready(self.operations))

    def kill(self):
        self.program.kill()
        self.program.wait()


class Watched:
    """A page, and all that it asks for and complains of."""

    def __init__(self, browser):
        self.context = browser.new_context(viewport={"width": 1200, "height": 1600})
        self.page = self.context.new_page()
        self.complaints, self.requests, self.violations = [], [], []
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))
        self.context.expose_function("violated", lambda violation: self.violations.append(violation))
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (event) =>"
            " violated(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))")


def serve_below(prefix, gateway):
    """A reverse proxy that takes `prefix` off, and has nothing beside it. Its URL, with the prefix."""
    class Proxy(http.server.BaseHTTPRequestHandler):
        def forward(self):
            if not self.path.startswith(f"{prefix}/"):
                return self.send_error(404)
            body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
            passed = {name: self.headers[name] for name in ("authorization", "content-type") if name in self.headers}
            upstream = http.client.HTTPConnection(gateway.removeprefix("http://"), timeout=15)
            upstream.request(self.command, self.path.removeprefix(prefix), body, passed)
            answer = upstream.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name in ("content-type", "content-security-policy", "location"):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = forward

        def log_message(self, *_):
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{proxy.server_port}{prefix}"


def docs(browser, development, gateway, user):
    watched = Watched(browser)
    page = watched.page
    try:
        page.goto(f"{gateway}/docs")
        assert page.url == f"{gateway}/docs/", page.url
        page.wait_for_selector(".opblock")
        document = json.load(urllib.request.urlopen(f"{gateway}/openapi.json"))
        operations = sum(len({"get", "post"} & set(path)) for path in document["paths"].values())
        assert page.locator(".opblock").count() == operations >= 7, operations

        page.click(".btn.authorize")
        page.fill(".auth-container input", development.moderator)
        page.click(".auth-btn-wrapper .authorize")
        page.click(".btn-done")
        kick = page.locator(".opblock-post", has=page.locator("[data-path='/v1/actions/kick_seat']"))
        kick.locator(".opblock-summary-control").click()
        kick.locator(".try-out__btn").click()
        body = {"room_id": "room-test", "user_id": user, "data": "time over"}
        kick.locator("textarea").first.fill(json.dumps(body))
        kick.locator(".execute").click()
        answer = kick.locator(".live-responses-table .response").first
        answer.wait_for()
        assert answer.locator(".response-col_status").inner_text().split()[0] == "200", answer.inner_text()
        assert '"state": "succeeded"' in answer.inner_text(), answer.inner_text()
        assert development.kicked(user) == 1

        # Nothing of it outlives the page.
        assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
        elsewhere = [request.url for request in watched.requests
                     if not request.url.startswith((f"{gateway}/", "data:"))]
        assert not elsewhere, elsewhere
        assert not watched.violations, watched.violations
        assert not watched.complaints, watched.complaints
    finally:
        page.screenshot(path=TARGET / "browser-docs.png", full_page=True)
    print(f"docs: {gateway}: {operations} operations, {len(watched.requests)} requests, 1 kick")


PAGE = """<!doctype html><title>A dashboard</title><script src="api.js"></script><script>
%s
const seen = [], reloads = [];
async function ask(path, token, options = {}) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...options.headers };
  const answer = await fetch(API + path, { ...options, headers });
  return { status: answer.status, body: await answer.json(), fields: Object.fromEntries(answer.headers) };
}
function kick(user_id, token) {
  const body = JSON.stringify({ room_id: 'room-test', user_id, data: '' });
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() };
  return ask('/v1/actions/kick_seat', token, { method: 'POST', body, headers });
}
</script>"""


def serve_page(directory):
    """The README's own code, with nothing changed but where the API is."""
    readme = pathlib.Path("README.md").read_text()
    [code] = re.findall(r"^```js\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert code.count("fetch('/v1/") == 1, code
    code = code.replace("fetch('/v1/", "fetch(API + '/v1/")
    (directory / "index.html").write_text(PAGE % code)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def dashboard(browser, development, directory):
    page_port = serve_page(directory)
    origin = f"http://127.0.0.1:{page_port}"
    gateway = OtherGateway(development, origin)
    (directory / "api.js").write_text(f"const API = '{gateway.url}';")
    try:
        listed(browser, development, origin, gateway)
        # The same server under another name is another origin.
        unlisted(browser, development, f"http://localhost:{page_port}")
    finally:
        gateway.kill()


def listed(browser, development, origin, gateway):
    watched = Watched(browser)
    page, token = watched.page, development.moderator
    page.goto(f"{origin}/")
    ask = lambda path, token: page.evaluate("([path, token]) => ask(path, token)", [path, token])
    kick = lambda user: page.evaluate("([user, token]) => kick(user, token)", [user, token])

    page.evaluate("(token) => { follow(async () => token, (action) => seen.push(action), () => reloads.push(1)); }", token)
    streams = lambda: [request for request in watched.requests
                       if "/stream" in request.url and request.method == "GET"]
    eventually("the stream is open", lambda: page.evaluate("1") and any(r.response() for r in streams()))
    before = ask("/v1/actions", token)
    assert before["status"] == 200 and isinstance(before["body"]["items"], list), before

    mine = kick("from-dashboard")
    assert (mine["status"], mine["body"]["state"]) == (200, "succeeded"), mine
    assert mine["fields"]["modgate-action-id"] == mine["body"]["id"], mine
    assert '"moderator";r=' in mine["fields"]["ratelimit"] and mine["fields"]["ratelimit-policy"], mine
    told = lambda identity: page.evaluate("(id) => seen.filter((action) => action.id === id).map((a) => a.state)", identity)
    eventually("its own action is told", lambda: told(mine["body"]["id"])[-1:] == ["succeeded"])

    refused = [kick(f"too-many-{number}") for number in range(4)][-1]
    assert (refused["status"], refused["body"]["code"]) == (429, "rate-limited"), refused
    assert int(refused["fields"]["retry-after"]) >= 1, refused
    bad = ask("/v1/actions", "no.token.at-all")
    assert (bad["status"], bad["body"]["code"]) == (401, "unauthenticated"), bad
    assert bad["fields"]["www-authenticate"].startswith("Bearer"), bad

    opened = len(streams())
    gateway.kill()
    while_away = development.kick("while-away")
    gateway.start()
    eventually("what happened meanwhile is told", lambda: told(while_away)[-1:] == ["succeeded"])
    assert told(while_away) == ["pending", "succeeded"], told(while_away)
    assert told(mine["body"]["id"]) == ["pending", "succeeded"], "nothing is told twice"
    again = streams()[opened:]
    assert again and all(request.headers.get("last-event-id") for request in again), [r.headers for r in again]
    assert page.evaluate("reloads.length") == 0
    watched.context.close()
    print(f"dashboard: listed, posted, followed, back after {len(again)} attempts with Last-Event-ID")


def unlisted(browser, development, origin):
    page = Watched(browser).page
    page.goto(f"{origin}/")
    asked = [
        "(token) => ask('/v1/actions', token)",
        "(token) => ask('/v1/me', token)",
        "() => ask('/v1/actions')",
        "() => ask('/openapi.json')",
        "(token) => kick('from-elsewhere', token)",
        "(token) => ask('/v1/actions/stream', token)",
    ]
    for question in asked:
        try:
            read = page.evaluate(question, development.moderator)
        except Error as error:
            assert "Failed to fetch" in str(error), error
        else:
            raise AssertionError(f"{question}: {read}")
    assert development.kicked("from-elsewhere") == 0
    print(f"dashboard: an origin that is not listed reads nothing, in {len(asked)} ways")


def main():
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="modgate-browser-") as scratch:
        os.chmod(scratch, 0o755)  # The database runs as another user.
        pages = pathlib.Path(scratch, "pages")
        pages.mkdir()
        development = Development(f"{scratch}/dev")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
                docs(browser, development, development.gateway, "from-docs")
                below = serve_below("/moderation/gate", development.gateway)
                docs(browser, development, below, "from-docs-below")
                dashboard(browser, development, pages)
                browser.close()
        finally:
            development.stop()
    print(f"browser: {time.monotonic() - began:.0f} s")


main()
