"""What must hold of three gateways behind nginx, while one of them is killed. Called by try-replicas."""

import collections
import concurrent.futures
import http.client
import json
import os
import subprocess
import threading
import time

NGINX, CONTROL, VICTIM = os.environ["NGINX"], os.environ["CONTROL"], os.environ["VICTIM"]
TOKENS, AUDITOR = os.environ["TOKENS"].split(), os.environ["AUDITOR"]
EACH_EVERY, KILL_AFTER, LOAD_FOR = 0.2, 10, 25  # seconds; one worker for each token
SECRETIVE = "/v1/actions?limit=1&user_id=nobody-knows"
ANSWERED_WITHIN, RECOVERED_WITHIN = 45, 30

Answer = collections.namedtuple("Answer", "status headers text")


def ask(token, method, path, body=None, headers=(), address=NGINX):
    connection = http.client.HTTPConnection(address, timeout=60)
    sent = {"Content-Type": "application/json", **dict(headers)}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body), sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
    finally:
        connection.close()


def control(method, path, body=None):
    answer = ask(None, method, path, body, address=CONTROL)
    assert answer.status in (200, 204), answer
    return json.loads(answer.text) if answer.text else None


def record(query):
    """What the database answers, as JSON."""
    query = f"select coalesce(json_agg(row), '[]') from ({query}) row"
    command = ["docker", "exec", os.environ["POSTGRES_CONTAINER"], "psql", "-XAt", "-U", "postgres", "-c", query]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def code(answer):
    try:
        return json.loads(answer.text).get("code")
    except ValueError:
        return "no JSON"


class Deed:
    """One action, asked for with one key until there is an answer to it."""

    def __init__(self, number, token):
        self.token, self.key, self.user = token, f"load-{number}", f"user-{number}"
        self.kind = "kick_seat" if number % 2 else "kick_login"
        self.body = {"user_id": self.user}
        if self.kind == "kick_seat":
            self.body |= {"room_id": f"room-{number}", "data": "time over"}
        self.answers, self.state, self.wrong = [], None, None

    def ask(self):
        """Once. Whether to ask again, and after how many seconds."""
        headers = {"Idempotency-Key": self.key, "X-Request-Id": f"{self.key}-{len(self.answers)}"}
        answer = ask(self.token, "POST", f"/v1/actions/{self.kind}", self.body, headers)
        told = (answer.status, code(answer))
        # nginx has no code to give: a gateway was killed between the question and its answer.
        lost = (504, None) in self.answers
        self.answers.append(told)
        retry_after = answer.headers["Retry-After"]
        repeatable = told in [(429, "rate-limited"), (503, "tencent-unavailable"), (503, "audit-unavailable")]
        if told == (200, None):
            self.state = "succeeded"
        elif told == (504, "outcome-unknown") and lost and answer.headers["Idempotent-Replayed"] == "true":
            self.state = "unknown"
        elif told == (504, None) and retry_after is None:
            return 0.5
        elif retry_after and (repeatable or lost and told == (409, "idempotency-conflict")):
            return int(retry_after)
        else:
            self.wrong = f"{told}: {answer.text}"
        return None

    def insist(self):
        until = time.monotonic() + ANSWERED_WITHIN
        while not self.wrong and (wait := self.ask()) is not None:
            if time.monotonic() > until:
                self.wrong = "no answer in time"
                return
            time.sleep(wait)


def under_load():
    """Asks for many actions, kills a gateway in the middle, and insists on an answer to each."""
    deeds, numbers, lock, until = [], iter(range(1_000_000)), threading.Lock(), time.monotonic() + LOAD_FOR
    control("PUT", "/latency", {"before_ms": [5, 20], "after_ms": [20, 60]})

    def work(token, again):
        while (began := time.monotonic()) < until:
            with lock:
                deeds.append(deed := Deed(next(numbers), token))
            if (wait := deed.ask()) is not None:
                again.submit(lambda deed=deed, wait=wait: (time.sleep(wait), deed.insist()))
            # nginx reads at another gateway where one does not answer, and says so in its log.
            assert ask(AUDITOR, "GET", SECRETIVE).status == 200, "reading goes on all the time"
            time.sleep(max(0, began + EACH_EVERY - time.monotonic()))

    with concurrent.futures.ThreadPoolExecutor(64) as again:
        with concurrent.futures.ThreadPoolExecutor(len(TOKENS)) as workers:
            working = [workers.submit(work, token, again) for token in TOKENS]
            time.sleep(KILL_AFTER)
            # Everything waits at Tencent's door, so that every gateway has calls under way when one dies.
            control("POST", "/stall", {"milliseconds": 2000})
            time.sleep(1)
            subprocess.run(["docker", "kill", "-s", "KILL", VICTIM], check=True, capture_output=True)
            killed = time.monotonic()
        for worker in working:
            worker.result()
    return deeds, killed


def recovered(killed):
    while pending := record("select id from audit.actions where state = 'pending'"):
        assert time.monotonic() < killed + RECOVERED_WITHIN, f"still pending: {pending}"
        time.sleep(1)


def done_once(deeds):
    """Compares what was answered, what is recorded, and what arrived."""
    wrong = [f"{deed.key}: {deed.wrong}" for deed in deeds if deed.wrong]
    rows = collections.defaultdict(list)
    for row in record("select idempotency_key, kind, state, user_id, instance from audit.actions"):
        rows[row["idempotency_key"]].append(row)
    announced = record(
        "select a.user_id, a.tencent_random as random from audit.action a where tencent_random is not null union all "
        "select a.user_id, e.next_random from audit.event e join audit.action a on a.id = e.action_id "
        "where next_random is not null"
    )
    announced = {(row["user_id"], row["random"]) for row in announced}
    calls = control("GET", "/calls?limit=1000000")["calls"]
    arrived = collections.Counter((call["user_id"], call["random"]) for call in calls)
    wrong += [f"sent twice: {call}" for call, times in arrived.items() if times > 1]
    wrong += [f"sent without a record: {call}" for call in arrived if call not in announced]
    of_user = collections.Counter(call["user_id"] for call in calls)
    effects = collections.Counter(call["user_id"] for call in calls if call["took_effect"])
    for deed in deeds:
        ends = [row["state"] for row in rows[deed.key] if row["state"] != "not_sent"]
        if ends != [deed.state]:
            wrong.append(f"{deed.key}: answered {deed.state}, recorded {ends}")
        if deed.state == "succeeded" and effects[deed.user] != 1 or effects[deed.user] > 1:
            wrong.append(f"{deed.key}: {deed.state}, done {effects[deed.user]} times")
        if deed.kind == "kick_login" and of_user[deed.user] > 1:
            wrong.append(f"{deed.key}: a login kick was sent {of_user[deed.user]} times")
    assert not wrong, "\n".join(wrong[:20])
    lost = [deed for deed in deeds if (504, None) in deed.answers]
    unknown = [deed for deed in deeds if deed.state == "unknown"]
    assert unknown, "the kill cut nothing off: nothing was tried"
    replicas = {row["instance"] for found in rows.values() for row in found}
    assert len(replicas) == 3, f"only {len(replicas)} gateways were used"
    answers = collections.Counter(answer for deed in deeds for answer in deed.answers)
    lines = nginx_log()[1]
    for deed in lost:
        for attempt, told in enumerate(deed.answers):
            line = lines[f"{deed.key}-{attempt}"]
            assert told != (504, None) or line["upstream"] == VICTIM_ADDRESS, f"cut off, but not by the kill: {line}"
    print(f"{len(deeds)} actions, {len(lost)} cut off by the kill, {len(unknown)} of them unknown, of which "
          f"{sum(effects[deed.user] for deed in unknown)} had happened; {len(calls)} calls; answers {dict(answers)}")


def address_of(container):
    """As nginx sees it."""
    command = ["docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", container]
    networks = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    [address] = [network["IPAddress"] for name, network in networks.items() if name.endswith("_front")]
    return address


def nginx_log():
    logs = subprocess.run(["docker", "logs", os.environ["NGINX_CONTAINER"]], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in logs.stdout.splitlines() if line.startswith("{")]
    return logs.stdout + logs.stderr, {line["request_id"]: line for line in lines}


def logged(request_id):
    """The line of a request. It is written after the answer."""
    until = time.monotonic() + 10
    while (line := nginx_log()[1].get(request_id)) is None:
        assert time.monotonic() < until, f"{request_id} is not in the log of nginx"
        time.sleep(0.2)
    return line


def forged_addresses_are_not_recorded():
    headers = {"X-Forwarded-For": "203.0.113.66, 10.0.0.1", "X-Request-Id": "forged"}
    answer = ask(TOKENS[0], "POST", "/v1/actions/kick_login", {"user_id": "forger"}, headers)
    assert (answer.status, answer.headers["X-Request-Id"]) == (200, "forged"), answer
    [row] = record("select host(client_ip) as client, host(peer_ip) as peer, http_request_id as id "
                   "from audit.actions where user_id = 'forger'")
    client = logged("forged")["client"]
    peer = os.environ["FRONT_NETWORK"] + ".2"
    assert row == {"client": client, "peer": peer, "id": "forged"} and client != peer, (row, client)


def the_log_tells_no_secret():
    answer = ask(AUDITOR, "GET", SECRETIVE, headers={"X-Request-Id": "discreet"})
    assert answer.status == 200, answer
    line = logged("discreet")
    assert line["path"] == "/v1/actions", line
    text, _ = nginx_log()
    told = [word for word in ("nobody-knows", "user_id", "Bearer", *AUDITOR.split("."), TOKENS[0]) if word in text]
    assert not told, f"the log of nginx has {told}"


def a_stream_comes_at_once():
    connection = http.client.HTTPConnection(NGINX, timeout=5)
    connection.request("GET", "/v1/actions/stream?user_id=streamed", headers={"Authorization": f"Bearer {AUDITOR}"})
    response = connection.getresponse()
    assert response.readline().startswith(b"retry:"), "the first block comes before there is an event"
    began = time.monotonic()
    answer = ask(TOKENS[1], "POST", "/v1/actions/kick_login", {"user_id": "streamed"})
    while b'"state":"succeeded"' not in (line := response.readline()):
        assert line, "the stream ended"
    assert answer.headers["Modgate-Action-Id"].encode() in line
    took = time.monotonic() - began
    assert took < 3, f"the event took {took:.1f} s"
    connection.close()


def a_large_body_is_refused_as_a_problem():
    for size, from_modgate in ((17_000, True), (100_000, False)):
        answer = ask(TOKENS[2], "POST", "/v1/actions/kick_login", "x" * size)
        told = (answer.status, code(answer), answer.headers["Content-Type"])
        assert told == (413, "payload-too-large", "application/problem+json"), answer
        assert (answer.headers["RateLimit"] is not None) == from_modgate, answer.headers


VICTIM_ADDRESS = f"{address_of(VICTIM)}:8080"
for check in (forged_addresses_are_not_recorded, the_log_tells_no_secret, a_stream_comes_at_once,
              a_large_body_is_refused_as_a_problem):
    check()
    print(check.__name__)
control("DELETE", "/calls")
deeds, killed = under_load()
recovered(killed)
done_once(deeds)
the_log_tells_no_secret()
