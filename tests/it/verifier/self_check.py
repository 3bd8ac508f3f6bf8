"""Checks verify.py itself, on a small record made in memory."""

import base64
import copy
import functools
import json
import os
import struct
import subprocess
import sys
import tempfile
from uuid import UUID

import ed25519
import verify

# They are slow, and the records below are much alike.
for slow in ("public_key", "signed", "verifies"):
    setattr(ed25519, slow, functools.lru_cache(maxsize=None)(getattr(ed25519, slow)))

SEED, OTHER_SEED = bytes(range(32)), bytes(range(1, 33))
NOON = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z
MAY = 1_777_636_800_000_000  # 2026-05-01T12:00:00Z
# RFC 8032, 7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def pem(seed):
    der = bytes.fromhex("302a300506032b6570032100") + ed25519.public_key(seed)
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"


def id_of(micros, number):
    return UUID(int=(micros // 1000) << 80 | 7 << 76 | 2 << 62 | number)


def row(of, recorded_at, /, **columns):
    table = verify.TABLES[of]
    full = {field: None for field in verify.FIELDS[table]}
    if of != "decision":
        full["row_format"] = str(verify.VERSIONS[table][0])
    if table in verify.PERSONAL:
        full["salt"] = "5a" * 16 if full["row_format"] == "2" else None
    full.update({"leaf_hash": "", "mac": "ab" * 32, **columns})
    if table in verify.FOUND:
        full["recorded_at"] = str(recorded_at)
    return hashed({of: full})


def hashed(line):
    [(kind, columns)] = line.items()
    columns["leaf_hash"] = verify.Row(verify.TABLES[kind], columns).leaf.hex()
    return line


def action(micros, number, **columns):
    named = {"id": str(id_of(micros, number)), "kind": "kick_login", "moderator": "alicé", "reason": "spam"}
    return row("action", micros + 500, requested_at=str(micros), **{**named, **columns})


def event(micros, number, rev=1, **columns):
    named = {"action_id": str(id_of(micros, number)), "rev": str(rev), "state": "refused", "at": str(micros + 900)}
    return row("event", micros + 1000, **{**named, **columns})


def prune(micros, month, actions, events):
    named = {"id": str(id_of(micros, 99)), "month": month, "pruned_at": str(micros), "pruned_by": "owner"}
    return row("prune", micros, actions=str(actions), events=str(events), **named)


def decision(kind, details, number=50, micros=MAY + 4_500_000, **columns):
    details = details if isinstance(details, str) else json.dumps(details)
    named = {"id": str(id_of(MAY, number)), "decided_at": str(micros), "decided_by": "owner", "operator": "bob",
             "host": "db1", "reason": "restored", "details": details}
    return row("decision", micros, kind=kind, **{**named, **columns})


def seal(no, prev, rows, seed=SEED, epoch=1, refused=(), format=3):
    """A seal over these rows, and those of them that stand after it: decisions stand at the head."""
    entries = []
    for line in rows:
        [(kind, columns)] = line.items()
        made = verify.Row(verify.TABLES[kind], columns)
        table = made.table.lower() if line in refused else made.table
        entries.append((made.id.bytes, made.rev, table.encode(), made.hash, line))
    entries.sort(key=lambda entry: (*entry[:2], b"AEPOBICK".index(entry[2].upper())))
    leaves = b"".join(verify.LEAF.pack(table, id, rev, hash) for id, rev, table, hash, _ in entries)
    # A decision is made before its seal, but for one that is far in the future.
    decided = [int(line["decision"]["decided_at"]) for line in rows if "decision" in line]
    sealed_at = max([MAY + no * 1_000_000, *(time for time in decided if time < MAY + 3_600_000_000)])
    columns = {"no": no, "epoch": epoch, "format": format, "prev": prev, "n": len(rows),
               "leaves": base64.b64encode(leaves).decode(), "sealed_at": str(sealed_at), "head": "",
               "signature": None, "key_id": None}
    return [headed({"seal": columns}, seed), *(line for *_, line in entries if "decision" not in line)]


def headed(line, seed):
    columns = line["seal"]
    head = verify.Seal(columns, 2).made_head()
    columns["head"] = head.hex()
    if seed:
        columns["signature"] = ed25519.signed(seed, b"modgate.seal.v1\n" + head).hex()
        columns["key_id"] = verify.sha256(ed25519.public_key(seed)).hex()[:16]
    return line


def chained(contents, seed=SEED, refused=(), epochs=(), format=3):
    """The decisions among the contents, and the seals. A seed, and an epoch, of each seal, or one of all."""
    lines, prev = [line for rows in contents for line in rows if "decision" in line], "00" * 32
    for no, rows in enumerate(contents, 1):
        of = seed[no - 1] if isinstance(seed, list) else seed
        part = seal(no, prev, rows, of, epochs[no - 1] if epochs else 1, refused, format)
        prev = part[0]["seal"]["head"]
        lines += part
    return lines


def contents():
    """January, of which a prune record is in the last seal; and May."""
    first = [action(NOON, 1), event(NOON, 1, 1), event(NOON, 1, 2)]
    second = [action(MAY, 2), action(MAY, 3, reason="insults"), event(MAY, 2)]
    third = [event(MAY, 3), prune(MAY + 2_000_000, "2026-01-01", 1, 2)]
    return [first, second, third]


def record(seed=SEED, format=3):
    """Some rows are in no seal yet."""
    return [*chained(contents(), seed, format=format), action(MAY + 3_000_000, 4)]


def text(lines, version=3):
    counts = {"seals": sum("seal" in line for line in lines), "rows": sum("seal" not in line for line in lines)}
    lines = [{"format": "modgate.record", "version": version}, *lines, {"end": True, **counts}]
    return [json.dumps(line, ensure_ascii=False) for line in lines]


def text_of_version_1(lines):
    """Its seals say no format."""
    lines = copy.deepcopy(lines)
    for line in lines:
        line.get("seal", {}).pop("format", None)
    return text_of_version_2(lines, 1)


def text_of_version_2(lines, version=2):
    """Its rows say no version, and are all of the first."""
    lines = copy.deepcopy(lines)
    for line in lines:
        [(kind, columns)] = line.items()
        if kind in verify.TABLES:
            table = verify.TABLES[kind]
            for name in ["row_format", "salt", *verify.FIELDS[table][verify.OF_VERSION_1[table]:]]:
                columns.pop(name, None)
    return text(lines, version)


def head(no, head, micros=None):
    """As `modgate seals` and a witness have it."""
    return json.dumps({"no": no, "head": head, **({"sealed_at": verify.at(micros)} if micros is not None else {})})


def heads(lines):
    """As the log has one, and as `modgate seals` has the others."""
    first, *others = [line["seal"] for line in lines if "seal" in line]
    logged = {"level": "INFO", "event": "whatever", "seal.no": first["no"], "seal.head": first["head"],
              "seal.sealed_at": "2026-05-01T12:00:01.000000Z"}
    others = [head(seal["no"], seal["head"], int(seal["sealed_at"])) for seal in others]
    return ["no JSON", '{"event":"action"}', '{"seal.no":7,"seal.head":null}', "[1]", json.dumps(logged), *others]


def checked(lines, kept=None, key=SEED, **options):
    kept = verify.read_heads(kept) if kept else None
    lines = lines if isinstance(lines[0], str) else text(lines)
    return verify.check(lines, verify.read_public_keys(pem(key)) if key else None, kept, **options)


def named(findings):
    """What is found wrong. The words after it are the verifier's own."""
    assert all(finding.startswith("tampered: ") for finding in findings), findings
    return [finding.split(": ")[1] for finding in findings]


def find(lines, kind, index=0):
    return [line for line in lines if kind in line][index]


def change(kind, field, value, index=0, rehash=False):
    def changed(lines):
        line = find(lines, kind, index)
        line[kind][field] = value
        if rehash:
            hashed(line)
        return lines

    return changed


def remove(kind, index=0):
    def removed(lines):
        lines.remove(find(lines, kind, index))
        return lines

    return removed


def without_a_mac(minutes):
    """Rows of some time after the first signed seal, one sealed and one not."""

    def made(_):
        rows = [action(MAY + minutes * 60_000_000 + number, number) for number in (2, 3)]
        for line in rows:
            line["action"]["mac"] = None
        return [*chained([[], [rows[0]]]), rows[1]]

    return made


def january_dropped(lines):
    of_january = (str(id_of(NOON, 1)),)
    kept = [line for line in lines if "seal" in line or not {*of_january} & {*map(str, [*line.values()][0].values())}]
    assert len(kept) == len(lines) - 3
    return kept


def two_leaves_swapped(lines):
    columns = find(lines, "seal", 1)["seal"]
    leaves = base64.b64decode(columns["leaves"])
    columns["leaves"] = base64.b64encode(leaves[51:102] + leaves[:51] + leaves[102:]).decode()
    return lines


def one_signature_less(lines):
    find(lines, "seal", 1)["seal"].update({"signature": None, "key_id": None})
    return lines


def contents_swapped(lines):
    one, other = find(lines, "action", 1)["action"], find(lines, "action", 2)["action"]
    one["id"], other["id"] = other["id"], one["id"]
    return lines


def recorded(kind, later):
    """The first such row, recorded so many seconds after its time, as if no rule of the schema kept it from that."""

    def made(_):
        first = event(NOON, 1, 1) if kind == "event" else action(NOON, 1)
        columns = first[kind]
        columns["recorded_at"] = str(int(columns["at" if kind == "event" else "requested_at"]) + later * 1_000_000)
        rows = [action(NOON, 1), first] if kind == "event" else [first]
        return chained([rows, []])

    return made


def back_dated(_):
    made = contents()
    made[2].append(action(MAY - 3_600_000_000, 5))
    return chained(made)


def with_refused(_):
    made = contents()
    return chained(made, refused=[made[1][0]])


def added(line):
    return lambda lines: [*lines, line]


def again(tamper):
    """The first action once more, after the other lines."""
    return lambda lines: [*lines, find(tamper(copy.deepcopy(lines)), "action")]


def pruned_wrongly(_):
    made = contents()
    made[2][1] = prune(MAY + 2_000_000, "2026-01-01", 1, 3)
    return january_dropped(chained(made))


def pruned_without_the_rows_after(_):
    """A record of the prune that was sealed before what it is to explain."""
    made = contents()
    return january_dropped(chained([made[2], made[0], made[1]]))


def sealed_twice(_):
    made = contents()
    made[2].append(made[1][0])
    lines = chained(made)
    lines.reverse()
    lines.remove(made[1][0])
    lines.reverse()
    return lines


def pruned_twice(_):
    made = contents()
    made[2].append(prune(MAY + 2_001_000, "2026-01-01", 1, 2))
    return january_dropped(chained(made))


def sealed_after_the_prune(_):
    """As the record says, but for what was sealed after it."""
    made = contents()
    late = action(NOON, 7)
    lines = january_dropped(chained([*made, [late]]))
    lines.remove(late)
    return lines


def a_count_with_its_seal(lines):
    find(lines, "seal", 2)["seal"]["n"] = 3
    headed(find(lines, "seal", 2), SEED)
    return lines


# What is done, and what must be found; None: nothing.
CASES = [
    ("nothing", lambda lines: lines, None),
    ("a month dropped as the prune record says", january_dropped, None),
    ("no signature at all", lambda _: record(seed=None), "seal 3: not signed, though there is a key"),
    ("a reason", change("action", "reason", "none"), "action {1}: changed after it was sealed (seal 1)"),
    ("a reason to null", change("action", "reason", None), "action {1}: changed"),
    ("a leaf hash with its row", change("action", "reason", "x", 0, True), "action {1}: changed"),
    ("a leaf hash alone", change("action", "leaf_hash", "00" * 32), "action {1}: its leaf_hash"),
    ("an action recorded a year later", recorded("action", 31_536_000), "action {1}: its recorded_at"),
    ("an event recorded an hour late", recorded("event", 3_600), "event {1} rev 1: its recorded_at"),
    ("an event recorded before its time", recorded("event", -61), "event {1} rev 1: its recorded_at"),
    ("an event recorded after a while", recorded("event", 1_799), None),
    ("recorded_at", change("event", "recorded_at", str(NOON + 1001)), "event {1} rev 1: changed"),
    ("no mac at the start", without_a_mac(10), None),
    ("no mac later", without_a_mac(11), "written without the key"),
    ("a mac", change("action", "mac", None), "action {1}: changed"),
    ("an action", remove("action", 1), "action {2}: missing (seal 2)"),
    ("an event", remove("event", 1), "event {1} rev 2: missing (seal 1)"),
    ("a seal", remove("seal", 1), "seal 2: missing"),
    ("the first seal", remove("seal", 0), "seal 1: missing"),
    ("its follower's chain", remove("seal", 1), "seal 3: does not follow seal 1"),
    ("two leaves", two_leaves_swapped, "seal 2: its head is not that of its content"),
    ("a count", change("seal", "n", 4, 1), "seal 2: its head is not that of its content"),
    ("a count, signed", a_count_with_its_seal, "seal 3: its head is not that of its content"),
    ("a leaf that is in two seals", sealed_twice, "action {2}: not as a seal has it, or twice (seal 3)"),
    ("two prune records", pruned_twice, "a second one for 2026-01-01"),
    ("a row sealed after the prune", sealed_after_the_prune, "action {7}: missing (seal 4)"),
    ("two rows", contents_swapped, "action {2}: changed after it was sealed (seal 2)"),
    ("a signature", change("seal", "signature", "00" * 64, 1), "seal 2: the signature is wrong"),
    ("no signature", one_signature_less, "seal 2: not signed, though seal 1 is"),
    ("another key", lambda _: record(OTHER_SEED), "seal 1: signed by an unknown key"),
    ("a row of the past", added(action(NOON, 6)), "action {6}: in the record but in no seal"),
    ("a row twice", again(lambda lines: lines), "action {1}: there 2 times"),
    ("a row beside another", again(change("action", "reason", "none", 0, True)), "action {1}: there 2 times"),
    ("a prune record by hand", added(prune(MAY, "2026-05-01", 2, 2)), "prune {99}: in no seal"),
    ("back-dated", back_dated, "back-dated: recorded at"),
    ("without the key", with_refused, "action {2}: written without the key (seal 2)"),
    ("a month without a prune record", lambda lines: january_dropped(remove("prune")(lines)), "action {1}: missing"),
    ("a month half dropped", lambda lines: remove("event", 1)(lines), "event {1} rev 2: missing"),
    ("a prune record that lies", pruned_wrongly, "says 3 events of 2026-01-01, but 2 were sealed"),
    ("a prune record from before", pruned_without_the_rows_after, "action {1}: missing (seal 2)"),
]


def check_cases():
    ids = {"{%d}" % n: str(id_of(NOON if n in (1, 6, 7) else MAY, n)) for n in (1, 2, 3, 6, 7, 99)}
    for what, tamper, expected in CASES:
        findings, _, _ = checked(tamper(copy.deepcopy(record())))
        for placeholder, id in ids.items():
            expected = expected and expected.replace(placeholder, id)
        assert what != "a row sealed after the prune" or len(findings) == 1, findings
        if expected is None:
            assert not findings, (what, findings)
        else:
            assert any(expected in finding for finding in findings), (what, expected, findings)


def check_heads():
    lines = record()
    kept = heads(lines)
    findings, _, summary = checked(lines, kept)
    assert not findings and "witnessed up to seal 3" in summary, (findings, summary)
    assert verify.check(text(record(seed=None)))[0] == [], "nobody gave a key"
    cut = [line for line in lines[: lines.index(find(lines, "seal", 2))]]
    assert checked(cut)[0] == [], "nobody can see it without the kept heads"
    assert checked(cut, kept)[0] == ["tampered: seal 3: kept outside, but not in the record (cut off)"]
    resealed = record(OTHER_SEED)
    resealed[0] = headed(change("seal", "sealed_at", "1")(resealed)[0], OTHER_SEED)
    assert "tampered: seal 1: its head differs from the one kept outside" in checked(resealed, kept, OTHER_SEED)[0]


def check_refusals():
    lines = text(record())
    first, end = lines[0], lines[-1]
    for wrong, because in [
        (lines[:-1], "it has no end"),
        ([*lines[:-1], end[:-4]], "Expecting"),
        (lines[1:], "not a record"),
        ([first.replace("3", "4"), *lines[1:]], "of another version"),
        ([first.replace("3", "1"), *lines[1:]], "not the columns of a seal"),
        ([first.replace("3", "2"), *lines[1:]], "not the columns"),
        ([first, *text_of_version_1(record())[1:]], "not the columns of a seal"),
        ([first, *text_of_version_2(record())[1:]], "not the columns"),
        (text([decision("later", {})], 1), "version 1 has no decisions"),
        (text(change("decision", "recorded_at", "1")([decision("later", {})])), "not the columns"),
        (text(change("seal", "format", 4)(record())), "seal 1 is of format 4"),
        (text(change("action", "row_format", "3")(record())), "is of version 3, which is not known"),
        (text([{"report": {}}]), "report"),
        (text([]), "holds no seal"),
        (text([action(MAY, 1)]), "holds no seal"),
        ([*lines[:3], *lines[2:]], "counts otherwise"),
        ([*lines[:2], *lines[3:]], "counts otherwise"),
        ([*lines, end], "after the end"),
        ([first, lines[1].replace('"n"', '"no": 1, "n"', 1), *lines[2:]], "a member stands twice"),
        ([], "it has no end"),
    ]:
        try:
            verify.check(wrong)
        except (verify.Unreadable, ValueError, LookupError) as error:
            assert because in str(error), (because, error)
        else:
            raise AssertionError(f"it was read, though: {because}")


def check_bytes():
    """The bytes of one row, written out."""
    made = verify.Row("P", prune(MAY, "2026-01-01", 1, 2)["prune"])
    id = str(id_of(MAY, 99)).encode()
    fields = [b"\0\0\0\x24" + id, b"\0\0\0\x0a2026-01-01", b"\0\0\0\x011", b"\0\0\0\x012",
              b"\0\0\0\x101777636800000000", b"\0\0\0\x05owner"]
    assert made.leaf == verify.sha256(b"\0modgate.audit.v1P", *fields)
    null = verify.Row("P", prune(MAY, None, 1, 2)["prune"])
    assert null.leaf == verify.sha256(b"\0modgate.audit.v1P", fields[0], b"\xff\xff\xff\xff", *fields[2:])
    assert made.hash == verify.sha256(b"\1", made.leaf, MAY.to_bytes(8, "big"), b"\xab" * 32)
    of_owner = verify.Row("O", decision("break", "{}", micros=MAY)["decision"])
    texts = [str(id_of(MAY, 50)), "break", None, "1777636800000000", "owner", "bob", "db1", "restored", "{}"]
    fields = [b"\xff" * 4 if t is None else struct.pack(">I", len(t)) + t.encode() for t in texts]
    assert of_owner.leaf == verify.sha256(b"\0modgate.audit.v1O", *fields)
    assert of_owner.hash == verify.sha256(b"\1", of_owner.leaf, MAY.to_bytes(8, "big"), b"\xab" * 32)
    for format, at_the_end in ((1, b""), (2, b"\0\0\0\2"), (3, b"\0\0\0\3")):
        columns = seal(3, "07" * 32, [], epoch=258, format=format)[0]["seal"]
        numbers = b"\0\0\1\2" + (3).to_bytes(8, "big") + bytes(4) + (MAY + 3_000_000).to_bytes(8, "big")
        made = verify.sha256(b"\2", b"\7" * 32, numbers, verify.sha256(b""), at_the_end)
        assert verify.Seal(columns, 2).made_head() == made


def check_signatures():
    for public_key, message, signature in VECTORS:
        public_key, message, signature = map(bytes.fromhex, (public_key, message, signature))
        assert ed25519.verifies(public_key, message, signature)
        assert not ed25519.verifies(public_key, message + b"\0", signature)
        late = (int.from_bytes(signature[32:], "little") + ed25519.L).to_bytes(32, "little")
        assert not ed25519.verifies(public_key, message, signature[:32] + late), "S is below L"


LOST = "cc" * 32
DECIDED = MAY + 4_500_000
DECISION, LATER_DECISION = (f"decision {id_of(MAY, number)}" for number in (50, 51))


def broken(last_epoch=2, last_format=3, hold=True, seed=SEED, gone=(), where=None, **details):
    """Seals 1 and 2; the void seals 3 and 4, of which nothing but the numbers is right; and seal 5 with the decision.
    Seal 3, as it was made, is lost."""
    rows = contents()
    good = chained(rows[:2], seed)
    lost = action(MAY + 3_000_000, 8)
    void = [seal(3, "11" * 32, [lost, rows[0][0]], OTHER_SEED, 1), seal(4, "22" * 32, [rows[0][0]], OTHER_SEED, 1)]
    for line, *_ in void:
        line["seal"].update({"n": 9, "format": 77, "key_id": "ff" * 8})
    before = void[1][0]["seal"]["head"]
    explained = {"cause": "foreign", "last_no": 4, "last_head": before, "lost_from": 3, "lost_head": LOST, "lost_no": 3,
                 "void_from": 3, **details}
    made = decision("break", explained)
    parts = [rows[2], [made]] if where == 6 else [[*rows[2], *([made] if hold else [])]]
    lines = [made, *good, *(line for no, line in ((3, void[0][0]), (4, void[1][0])) if no not in gone), lost]
    prev = before
    for no, of in enumerate(parts, 5):
        part = seal(no, prev, of, seed, last_epoch, format=last_format)
        prev = part[0]["seal"]["head"]
        lines += part
    return lines


def lost_altogether(**details):
    """The chain begins anew."""
    made = decision("break", {"cause": "gone", "last_no": 0, "last_head": None, "lost_from": 1, "lost_head": LOST,
                              "lost_no": 3, "void_from": None, **details})
    return chained([[action(MAY, 2), made], []])


def restored(epochs=(1, 1, 2), after=2, **details):
    """Nothing is void, but what came after seal 2 is lost."""
    first, second = [action(MAY, 2)], [event(MAY, 2)]
    last_head = find(chained([first, second]), "seal", after - 1)["seal"]["head"]
    made = decision("break", {"cause": "restored", "last_no": after, "last_head": last_head, "lost_from": 3,
                              "lost_head": LOST, "lost_no": 9, "void_from": None, **details})
    return chained([first, second, [made]], epochs=epochs)


def there_twice(kind, index=0, **columns):
    """The second one is another row, or comes first."""

    def made(lines):
        line = copy.deepcopy(find(lines, kind, index))
        line[kind].update(columns)
        return [*lines, line] if not columns else [hashed(line), *lines]

    return made


def check_decisions():
    missing, hidden = remove("decision"), {"void_from": None}
    for what, lines, expected in [
        ("nothing", broken(), []),
        ("a void seal is gone", broken(gone=(3,)), []),
        ("the last void seal is gone", broken(gone=(3, 4)), []),
        ("they are gone, and the epoch stays", broken(gone=(3, 4), last_epoch=1), ["seal 5", DECISION]),
        ("all are lost", lost_altogether(), []),
        ("nothing is void", restored(), []),
        ("other kinds", chained([[decision("later", {"void_from": 1, "last_no": 1})], []]), []),
        ("details that are not JSON", chained([[decision("later", "{")], []]), []),
        # Each decision is there, once, as it was sealed.
        ("missing", missing(restored()), [DECISION, "seal 3"]),
        ("missing, of another kind", missing(chained([[], [decision("later", {})]])), [DECISION]),
        ("in no seal", [decision("later", {}), *record()], [DECISION]),
        ("in no seal, and the epoch has none", broken(hold=False), ["seal 5", DECISION]),
        ("in a seal that it voids itself", broken(last_no=5),
         ["seal 5", DECISION, f"prune {id_of(MAY + 2_000_000, 99)}"]),
        ("there twice", there_twice("decision")(broken()), [DECISION]),
        ("there twice, otherwise", there_twice("decision", reason="x")(broken()), [DECISION]),
        ("in two seals", chained([[made] for made in [decision("later", {})] * 2])[1:], [DECISION]),
        ("changed", change("decision", "reason", "x", 0, True)(broken()), [DECISION]),
        ("not JSON", change("decision", "details", "[" * 9)(restored()), ["seal 3"] + [DECISION] * 3),
        ("its leaf_hash", change("decision", "leaf_hash", "00" * 32)(broken()), [DECISION]),
        ("long ago", chained([[action(MAY, 2)], [decision("later", {}, micros=MAY - 90_000_000)]]), [DECISION]),
        ("a seal of format 1", chained([[decision("later", {})]], format=1), [DECISION]),
        # A break is where it says.
        ("another number", restored(last_no=1), ["seal 3", DECISION]),
        ("no number", restored(last_no="2"), ["seal 3", DECISION]),
        ("another head", broken(last_head="33" * 32), ["seal 5", DECISION]),
        ("another break", restored(after=1), ["seal 3", DECISION]),
        ("a seal later", broken(where=6), ["seal 5", DECISION]),
        ("no new epoch", broken(last_epoch=1), [DECISION]),
        ("no new epoch, nothing void", restored(epochs=(1, 1, 1)), [DECISION]),
        ("two epochs on", broken(last_epoch=3), ["seal 5"]),
        ("all are lost, after seal 1", lost_altogether(last_no=1, last_head=LOST), [DECISION]),
        ("all are lost, after a head", lost_altogether(last_head=LOST), [DECISION]),
        ("of format 1", broken(last_format=1), ["seal 5"] + [DECISION] * 2),
        ("of the future", chained([[decision("later", {}, micros=MAY + 7_200_000_000)]]), [DECISION]),
        ("an epoch without a decision", chained([[], [], []], epochs=(1, 1, 2)), ["seal 3"]),
        ("an epoch with another decision", chained([[], [decision("later", {})]], epochs=(1, 2)), ["seal 2"]),
        ("an epoch of format 1", chained([[], [], []], epochs=(1, 1, 2), format=1), []),
        ("the first epoch is none", chained([[], []], epochs=(0, 0), format=1), ["seal 1"]),
        ("the first epoch is the second", chained([[], []], epochs=(2, 2), format=1), ["seal 1"]),
        # What is void does not count; what is not, does.
        ("a row that is void alone", remove("action", 3)(broken()), []),
        ("not void", broken(**hidden), None),
        ("void from the second on", broken(void_from=4), None),
        ("two void ones of one number", change("seal", "no", 4, 2)(broken()), ["seal 4"]),
        ("a void head", change("seal", "head", "44" * 32, 3)(broken()), ["seal 5"]),
        ("what is gone is not void", remove("seal", 1)(broken()), ["seal 2"]),
    ]:
        if expected is None:
            assert_unreadable(lines, "is of format 77")
            continue
        findings, _, _ = checked(lines)
        assert sorted(named(findings)) == sorted(expected), (what, expected, findings)


def assert_unreadable(lines, because, **options):
    try:
        checked(lines, **options)
    except verify.Unreadable as error:
        assert because in str(error), (because, error)
    else:
        raise AssertionError(f"it was read, though: {because}")


def check_void():
    """A decision by hand, to hide a seal that a known key signed, and that a row of it is gone: it is found."""
    lines = [line for line in record() if "prune" not in line]
    forged = decision("break", {"last_no": 3, "last_head": None, "lost_from": 1, "void_from": 3})
    findings, decisions, _ = checked([forged, *lines])
    assert DECISION in named(findings) and not decisions, findings
    assert "seal 3" in named(checked([forged, *lines], [head(3, LOST, DECIDED)])[0])
    # A decision that was sealed is the owner's, who cannot do away with what a known key made either.
    good = chained([[], []])
    made = decision("break", {"last_no": 2, "last_head": good[1]["seal"]["head"], "lost_from": 2, "void_from": 2})
    sealed = [made, *good, *seal(3, good[1]["seal"]["head"], [made], epoch=2)]
    assert named(checked(sealed)[0]) == ["seal 2"]
    find(sealed, "seal", 1)["seal"]["signature"] = None
    for lines in (broken(), sealed):
        assert checked(lines)[0] == []
    # A void seal is signed, and the others need not be.
    assert checked(broken(seed=None), key=None)[0] == []
    # A huge gap is found, and does not take forever; nor does one that is void.
    far = 10**12
    made = decision("break", {"last_no": far, "last_head": LOST, "lost_from": 2, "void_from": 2})
    assert checked([made, *good[:1], *seal(far + 1, LOST, [made], epoch=2)])[0] == []
    found = named(checked(change("seal", "no", far, 2)(record()))[0])
    assert len(found) == 999 + 1 and found[0] == "seal 3", found[-3:]


def check_kept_heads():
    void = find(broken(), "seal", 2)["seal"]
    witness, log = head(3, LOST, MAY + 3_000_000), json.dumps({"seal.no": 3, "seal.head": LOST})
    for what, lines, kept, expected in [
        ("what is lost", broken(), [witness], []),
        ("what is lost, beyond the end", broken(), [head(9, LOST, MAY)], []),
        ("just before it", broken(), [head(3, LOST, DECIDED - 1)], []),
        ("not before it", broken(), [head(3, LOST, DECIDED)], ["seal 3"]),
        ("made later", broken(), [head(9, LOST, DECIDED + 1)], ["seal 9"]),
        ("in another zone", broken(), [head(3, LOST, MAY).replace("12:00:00+00:00", "14:00:04.499+02:00")], []),
        ("later, there", broken(), [head(3, LOST, MAY).replace("12:00:00+00:00", "14:00:04.5+02:00")], ["seal 3"]),
        ("no time", broken(), [head(3, LOST)], ["seal 3"]),
        ("no time in the log", broken(), [log], ["seal 3"]),
        ("a time elsewhere", broken(), [log, witness, log], []),
        ("before what is lost", broken(), [head(2, LOST, MAY)], ["seal 2"]),
        ("nothing is lost", broken(lost_from=None), [witness], ["seal 3"]),
        ("lost from later on", broken(lost_from=4), [witness], ["seal 3"]),
        ("that of a void seal", broken(lost_from=None), [head(3, void["head"].upper())], ["seal 3"]),
        ("in a chain that goes on", restored(), [head(3, LOST, MAY)], []),
        ("all are lost", lost_altogether(), [head(1, LOST, MAY), head(3, LOST, MAY)], []),
        ("another kind", chained([[], [decision("later", {"lost_from": 1})]]), [witness], ["seal 3"]),
        ("nobody decided", record(), [witness], ["seal 3"]),
        ("cut off after it", broken(), [head(6, LOST, DECIDED + 2_000_000)], ["seal 6"]),
        ("no seal at all", [action(MAY, 1)], [witness], ["record", "seal 3"]),
    ]:
        findings, _, _ = checked(lines, kept)
        assert named(findings) == expected, (what, expected, findings)
    assert "witnessed up to seal 5" in checked(broken(), [*heads(broken()), head(9, LOST, MAY)])[2]
    assert "witnessed" not in checked(broken(), [witness])[2], "the record does not have it"
    assert named(checked([action(MAY, 1)], [witness], None)[0]) == ["seal 3"], "a finding, without a key and a seal"
    assert verify.micros_of("2026-05-01T12:00:00Z") == MAY == verify.micros_of("2026-05-01T09:30:00.0000009-02:30")
    for wrong in ("2026-05-01", "2026-05-01T12:00:00", "1777636800", "2026-13-01T12:00:00Z"):
        try:
            verify.read_heads([json.dumps({"no": 1, "head": LOST, "sealed_at": wrong})])
        except ValueError:
            continue
        raise AssertionError(f"it was read, though it is no time: {wrong}")


def acknowledged(kind="acknowledgement", without=(), **names):
    """Two rows that no gateway wrote, in seal 2 as refused; seal 3 has the decision on them."""
    rows = [action(MAY, 2, mac=None), event(MAY, 2, 1)]
    rows[1]["event"]["leaf_hash"] = "00" * 32
    listed = []
    for table, line in zip(("action", "event"), rows):
        made = verify.Row(verify.TABLES[table], line[table])
        listed.append({"hash": made.hash.hex(), "id": str(made.id), "rev": made.rev, "table": table})
    for member, value in names.items():
        listed[1][member] = value
    made = decision(kind, {"rows": listed}, subject=str(id_of(MAY, 2)))
    good = chained([[], rows, [] if without else [made]], refused=rows)
    return [line for line in (good if not without else [made, *good]) if line not in [rows[n] for n in without or ()]]


def check_acknowledgements():
    of_event = f"event {id_of(MAY, 2)} rev 1"
    one = acknowledged()
    assert checked(one)[0] == [], checked(one)[0]
    assert "the proof holds from 2026-05-01T12:00:01+00:00" in checked(one)[2], "nobody takes them for genuine"
    since = {"proven_since": MAY + 1_000_000}
    assert checked(one, **since)[0] == []
    for what, lines, expected in [
        ("another hash", acknowledged(hash="00" * 32), [of_event]),
        ("another rev", acknowledged(rev=2), [of_event]),
        ("another id", acknowledged(id=str(id_of(MAY, 3))), [of_event]),
        ("another table", acknowledged(table="action"), [of_event]),
        ("no table that has such rows", acknowledged(table="E"), [of_event]),
        ("of a kind that is not known", acknowledged("later"), [f"action {id_of(MAY, 2)}", of_event]),
        ("the row is changed", change("event", "state", "x", 0)(acknowledged()), [of_event]),
        ("the row is gone", remove("event")(acknowledged()), [of_event]),
        ("the row is gone, unacknowledged", remove("event")(acknowledged("later")),
         [f"action {id_of(MAY, 2)}", of_event, of_event]),
    ]:
        findings, _, _ = checked(lines)
        assert named(findings) == expected, (what, expected, findings)
    listed = {"table": "event", "id": str(UUID(int=1)), "rev": 0, "hash": "00" * 32}
    rows = [1, {}, *({**listed, member: wrong} for member in listed for wrong in (1, [], {}, None))]
    for nonsense in ({"rows": rows}, {"rows": 1}, {"rows": {}}, "[]", "1", "", None):
        assert checked(chained([[decision("acknowledgement", nonsense)]]))[0] == []
    # It is not for rows that the sealer took for genuine.
    late = action(MAY + 700_000_000, 3, mac=None)
    of_late = {"hash": verify.Row("A", late["action"]).hash.hex(), "id": str(id_of(MAY + 700_000_000, 3)), "rev": 0,
               "table": "action"}
    made = decision("acknowledgement", {"rows": [of_late]}, micros=MAY + 700_000_000)
    assert len(checked(chained([[], [late], [made]]))[0]) == 1


def check_version_1():
    for format in (1, 2, 3):
        assert checked(record(format=format))[0] == [], "version 3 has seals of all formats"
        assert checked(text_of_version_2(record(format=format)))[0] == []
    old = text_of_version_1(record(format=1))
    assert old[0] == '{"format": "modgate.record", "version": 1}' and '"format"' not in "".join(old[1:])
    assert checked(old)[0] == []
    again = text_of_version_1(chained([[], [], [action(MAY, 1)]], epochs=(1, 2, 2), format=1))
    assert checked(again)[0] == [] and "holds from 2026-05-01T12:00:02+00:00" in checked(again)[2]
    # The head says of which format it is.
    of_seal = [f"seal {no}" for no in (1, 2, 3)]
    assert named(checked(text_of_version_1(record()))[0]) == of_seal
    # It never goes down.
    assert named(checked(change("seal", "format", 3, 1)(record(format=1)))[0]) == of_seal[1:]
    assert set(named(checked(change("seal", "format", 1, 1)(record()))[0])) == set(of_seal[1:2])
    for wrong in (0, 4, "2", True, None):
        assert_unreadable(change("seal", "format", wrong, 2)(record()), "seal 3 is of format")


def of_version_2():
    """A row of each table, as they are since version 2."""
    id, person = str(id_of(MAY, 7)), {"moderator_name": "Alice", "client_ip": "192.0.2.1", "peer_ip": "::1"}
    of_2 = {"row_format": "2", "salt": "5a" * 16}
    return {
        "action": action(MAY, 7, batch_id=id, batch_index="0", parameters="{}", **person, **of_2),
        "event": event(MAY, 7, details="{}", error_info="no such user", **of_2),
        "prune": row("prune", MAY, id=id, month="2026-01-01", actions="0", events="0", batches="0", batch_items="0",
                     batch_events="0", pruned_at=str(MAY), pruned_by="owner", row_format="2"),
        "batch": row("batch", MAY, id=id, moderator="alice", total="1", submitted_at=str(MAY), reason="spam", **person),
        "batch_item": row("batch_item", MAY, batch_id=id, batch_index="7", kind="kick_login", data="bye"),
        "batch_event": row("batch_event", MAY, batch_id=id, rev="1", event="submitted", at=str(MAY), **person),
        "brake": row("brake", MAY, id=id, brake="freeze", reason="raid", requested_at=str(MAY), **person),
    }


def check_version_2():
    rows = of_version_2()
    lines = chained([[], [*rows.values()]])
    assert checked(lines)[0] == [], checked(lines)[0]
    leaves = base64.b64decode(find(lines, "seal", 1)["seal"]["leaves"])
    letters = bytes(leaves[start] for start in range(0, len(leaves), verify.LEAF.size))
    assert letters == b"APBKECI", "by id, rev and table"
    # A text about a person is there as its hash.
    made = verify.Row("I", rows["batch_item"]["batch_item"])
    texts = [str(id_of(MAY, 7)), "7", "kick_login", None, None, "bye", None, None, None]
    fields = [None if text is None else text.encode() for text in texts]
    fields[5] = verify.sha256(b"\x5a" * 16, b"bye")
    assert made.leaf == verify.sha256(b"\0modgate.audit.v2I", *map(verify.framed, fields))
    # Every column counts; the salt does where a text is hashed with it.
    for kind, line in rows.items():
        table = verify.TABLES[kind]
        what = verify.name(verify.Row(table, line[kind]).key)
        keys = {verify.IDS.get(table, "id"), verify.REVS.get(table), verify.DATES[table]}
        for column in [*verify.FIELDS[table], "salt"]:
            if column in keys or column not in line[kind] or column in ("at", "requested_at", "submitted_at", "month"):
                continue
            value = "77" * 16 if column == "salt" else "8"
            found = named(checked(change(kind, column, value, 0, True)(copy.deepcopy(lines)))[0])
            assert what in found, (kind, column, found)
        gone = named(checked(remove(kind)(copy.deepcopy(lines)))[0])
        assert gone == [what], (kind, gone)
    # Version 1 does not have what version 2 adds, and none becomes the other.
    for kind, column, value in [("action", "parameters", "{}"), ("action", "batch_index", "0"), ("event", "details", "{}"),
                                ("action", "salt", "5a" * 16), ("event", "salt", ""), ("prune", "batches", "0"),
                                ("action", "row_format", "2"), ("event", "row_format", "2")]:
        found = checked(change(kind, column, value)(record()))[0]
        assert any(": changed" in finding for finding in found), (kind, column, found)
    # Each is counted by the record of a prune, and explained by it.
    counts = {"actions": "1", "events": "1", "batches": "1", "batch_items": "1", "batch_events": "1"}
    dropped = row("prune", MAY + 1, id=str(id_of(MAY, 8)), month="2026-05-01", pruned_at=str(MAY + 1), pruned_by="owner",
                  row_format="2", **counts)
    monthly = [line for kind, line in rows.items() if verify.TABLES[kind] in verify.COUNTED]
    whole = chained([[], monthly, [dropped]])
    assert checked([line for line in whole if line not in monthly])[0] == []
    for column in counts:
        wrong = change("prune", column, "2", 0, True)([copy.deepcopy(dropped)])
        lines = chained([[], monthly, wrong])
        assert len(checked([line for line in lines if line not in monthly])[0]) == 1, column
    # Seals of before knew none of it.
    for kind in ("batch", "batch_item", "batch_event", "brake"):
        assert checked(chained([[rows[kind]]], format=2))[0], kind


def check_no_seals():
    for rows in ([], [action(MAY, 1)]):
        assert_unreadable(rows or text([]), "holds no seal", key=None)
        findings, _, _ = checked(rows or text([]))
        assert named(findings) == ["record"], findings
    assert named(checked([prune(MAY, "2026-01-01", 1, 2)], key=None)[0]) == [f"prune {id_of(MAY, 99)}"]
    assert named(checked([decision("later", {})], key=None)[0]) == [DECISION]


def check_duplicates():
    names = {"action": f"action {id_of(NOON, 1)}", "event": f"event {id_of(NOON, 1)} rev 1",
             "prune": f"prune {id_of(MAY + 2_000_000, 99)}"}
    for kind, what in names.items():
        for other in ({}, {"mac": "cd" * 32}):
            findings, _, summary = checked(there_twice(kind, **other)(record()))
            assert findings == [f"tampered: {what}: there 2 times"], (kind, other, findings)
            assert summary.startswith("10 rows in 3 seals"), summary
    thrice = there_twice("action")(there_twice("action", reason="x")(record()))
    assert checked(thrice)[0] == [f"tampered: {names['action']}: there 3 times"]
    unsealed = there_twice("action", 3)(record())
    assert named(checked(unsealed)[0]) == [f"action {id_of(MAY + 3_000_000, 4)}"]
    # Neither of them is the one that was sealed.
    both = there_twice("action")(change("action", "reason", "x", 0, True)(record()))
    assert named(checked(both)[0]) == [names["action"]] * 2


def check_order():
    """Rows of one id: the action, the prune, the decision."""
    rows = [action(MAY, 50), prune(MAY, "2026-01-01", 0, 0), decision("later", {})]
    for line in rows[:2]:
        [columns] = line.values()
        columns["id"] = str(id_of(MAY, 50))
        hashed(line)
    rows.append(event(MAY, 50, 0))
    lines = chained([rows])
    assert checked(lines)[0] == []
    columns = find(lines, "seal")["seal"]
    leaves = base64.b64decode(columns["leaves"])
    assert bytes(leaves[51 * n] for n in range(4)) == b"AEPO"
    columns["leaves"] = base64.b64encode(leaves[:102] + leaves[153:] + leaves[102:153]).decode()
    headed(find(lines, "seal"), SEED)
    assert named(checked(lines)[0]) == [f"prune {id_of(MAY, 50)}"]
    columns["leaves"] = base64.b64encode(leaves[:153] + b"o" + leaves[154:]).decode()
    headed(find(lines, "seal"), SEED)
    assert DECISION in named(checked(lines)[0])


def check_proof():
    """From when on it holds: all seals but the first are a second apart, and 12:00:01 is that of seal 1."""
    bare = [action(MAY + 5_000_000, 5, mac=None), action(MAY + 6_000_000, 6, mac=None)]
    recorded, name = MAY + 5_000_500, f"action {id_of(MAY + 5_000_000, 5)}"
    old = {"epochs": (1, 2, 2, 3, 3), "format": 1}
    for what, lines, holds_from, then in [
        ("signed from the beginning", record(), MAY + 1_000_000, ["proof"]),
        ("signed from seal 2 on", chained([[], [], []], [None, SEED, SEED]), MAY + 2_000_000, ["proof"]),
        ("a row without a mac", chained([[], [bare[0]], []]), recorded + 1, [name]),
        ("and not sealed yet", [*chained([[], []]), bare[0]], recorded + 1, [name]),
        ("a decision without a mac", chained([[], [decision("later", {}, mac=None)]]), DECIDED + 1, [DECISION]),
        ("an epoch without a reason", chained([[]] * 5, **old), MAY + 4_000_000, ["seal 4"]),
        ("an epoch with a reason", broken(), MAY + 1_000_000, ["proof"]),
        ("a row before it is signed", chained([[action(MAY - 9, 1, mac=None)], []]), MAY + 1_000_000, ["proof"]),
    ]:
        findings, _, summary = checked(lines)
        assert not findings and f"the proof holds from {verify.at(holds_from)}" in summary, (what, findings, summary)
        findings, _, _ = checked(lines, proven_since=holds_from)
        assert findings == [], (what, findings)
        findings, _, _ = checked(lines, proven_since=holds_from - 1)
        assert named(findings) == then, (what, findings)
    two = chained([[], [bare[0]], [bare[1]]])
    assert named(checked(two, proven_since=recorded)[0]) == [name, f"action {id_of(MAY + 6_000_000, 6)}"]
    assert named(checked(record(seed=None), proven_since=MAY)[0]) == ["seal 3", "proof"]
    assert named(checked([action(MAY, 1)], proven_since=MAY)[0]) == ["record", "proof"]
    for lines, key in ((record(seed=None), None), (record(), None)):
        assert "holds from" not in checked(lines, key=key)[2]


def check_verdicts():
    other = decision("later", {"a": "b"}, 51, reason="so\nintact: all", subject="x")
    two, first, second = [decision("later", {}), other], id_of(MAY, 50), id_of(MAY, 51)
    lines = chained([[], two])
    for accepted, known in (((), 0), ((first,), 1), ((first, second), 2)):
        found = checked(lines, accepted=accepted)
        last, code = verify.verdict(*found)
        says = f"intact but for {2 - known} decisions: " if known < 2 else "intact: "
        assert last.startswith(says) and code == (3 if known < 2 else 0), (last, code)
        for number, (id, (accepted_too, line)) in enumerate(zip((first, second), found[1])):
            assert accepted_too == (number < known)
            assert line.startswith(f"decided{', accepted' if accepted_too else ''}: {id}: "), line
    changed = verify.verdict(*checked(change("decision", "reason", "x", 0, True)(lines)))
    assert changed[0].startswith("tampered: 1 findings in ") and changed[1] == 1, changed
    assert verify.verdict(*checked(record()))[1] == 0


def check_program():
    """What it prints, and its exit codes."""
    made = decision("later", "{}\nintact: all\u2028é")
    far = row("action", MAY, id=str(UUID(int=2**128 - 1)), requested_at=str(MAY))
    texts = {"export": text(chained([[], [made]])), "intact": text(record()), "key": [pem(SEED)],
             "changed": text(change("action", "reason", "x", 0, True)(record())), "seals": heads(record()),
             "empty": text([]), "far": text(chained([[far]])), "deep": ["[" * 99999]}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in texts}
        for name, lines in texts.items():
            with open(paths[name], "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")

        def run(*arguments):
            arguments = [paths.get(argument, argument) for argument in arguments]
            done = subprocess.run([sys.executable, "-B", verify.__file__, *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, encoding="utf-8",
                                  env={**os.environ, "PYTHONIOENCODING": "ascii"})
            assert (done.returncode == 2) == (done.stdout == "") == (done.stderr != ""), done
            return done.returncode, done.stdout.splitlines()

        key, id = ("--public-key", "key"), str(id_of(MAY, 50))
        for arguments, code, starts in [
            (("intact",), 0, ["intact: 9 rows in 3 seals; signed, by a key that"]),
            (("intact", *key, "--seal-file", "seals"), 0, ["intact: "]),
            (("intact", *key, "--proven-since", "2026-05-01T12:00:01Z"), 0, ["intact: "]),
            (("intact", *key, "--proven-since", "2026-05-01T12:00:00Z"), 1, ["tampered: proof: ", "tampered: 1 find"]),
            (("intact", *key, "--proven-since", "yesterday"), 2, []),
            (("intact", "--proven-since", "2026-05-01T12:00:01Z"), 2, []),
            (("export", *key), 3, [f"decided: {id}: ", "intact but for 1 decisions: "]),
            (("export", *key, "--accepted", id), 0, [f"decided, accepted: {id}: ", "intact: "]),
            (("export", "--accepted", "x"), 2, []),
            (("export", "--accepted", str(UUID(int=1)), "--accepted", id), 0, ["decided, accepted: ", "intact: "]),
            (("changed",), 1, ["tampered: action ", "tampered: 1 findings in 9 rows"]),
            (("empty",), 2, []),
            (("empty", *key), 1, ["tampered: record: ", "tampered: 1 findings"]),
            (("intact", "--seal-file", "key"), 2, []),
            (("deep",), 2, []),
            (("far",), 0, ["intact: "]),
            (("not there",), 2, []),
        ]:
            returned, lines = run(*arguments)
            assert returned == code and len(lines) == len(starts), (arguments, returned, lines)
            assert all(line.startswith(start) for line, start in zip(lines, starts)), (arguments, lines)


for checking in (check_signatures, check_bytes, check_cases, check_heads, check_refusals, check_decisions, check_void,
                 check_kept_heads, check_acknowledgements, check_version_1, check_version_2, check_no_seals, check_duplicates,
                 check_order, check_proof, check_verdicts, check_program):
    checking()
print(f"{len(CASES)} cases, {len(VECTORS)} vectors")
