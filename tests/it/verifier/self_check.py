"""Checks verify.py itself, on a small record made in memory."""

import base64
import copy
import json
import struct
from uuid import UUID

import ed25519
import verify

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
    full = {field: None for field in verify.FIELDS[table]} | columns
    full |= {"leaf_hash": "", "mac": "ab" * 32} | ({} if table == "P" else {"recorded_at": str(recorded_at)})
    return hashed({of: full})


def hashed(line):
    [(kind, columns)] = line.items()
    columns["leaf_hash"] = verify.Row(verify.TABLES[kind], columns).leaf.hex()
    return line


def action(micros, number, **columns):
    named = {"id": str(id_of(micros, number)), "kind": "kick_login", "moderator": "alicé", "reason": "spam"}
    return row("action", micros + 500, requested_at=str(micros), **named | columns)


def event(micros, number, rev=1):
    named = {"action_id": str(id_of(micros, number)), "rev": str(rev), "state": "refused", "at": str(micros + 900)}
    return row("event", micros + 1000, **named)


def prune(micros, month, actions, events):
    named = {"id": str(id_of(micros, 99)), "month": month, "pruned_at": str(micros), "pruned_by": "owner"}
    return row("prune", micros, actions=str(actions), events=str(events), **named)


def seal(no, prev, rows, seed=SEED, epoch=1, refused=()):
    """A seal over these rows, and they."""
    entries = []
    for line in rows:
        [(kind, columns)] = line.items()
        made = verify.Row(verify.TABLES[kind], columns)
        table = made.table.lower() if line in refused else made.table
        entries.append((made.id.bytes, made.rev, table.encode(), made.hash, line))
    entries.sort(key=lambda entry: entry[:3])
    leaves = b"".join(verify.LEAF.pack(table, id, rev, hash) for id, rev, table, hash, _ in entries)
    columns = {"no": no, "epoch": epoch, "prev": prev, "n": len(rows), "leaves": base64.b64encode(leaves).decode(),
               "sealed_at": str(MAY + no * 1_000_000), "head": "", "signature": None, "key_id": None}
    return [headed({"seal": columns}, seed), *(line for *_, line in entries)]


def headed(line, seed):
    columns = line["seal"]
    head = verify.Seal(columns).made_head()
    columns["head"] = head.hex()
    if seed:
        columns["signature"] = ed25519.signed(seed, b"modgate.seal.v1\n" + head).hex()
        columns["key_id"] = verify.sha256(ed25519.public_key(seed)).hex()[:16]
    return line


def chained(contents, seed=SEED, refused=()):
    lines, prev = [], "00" * 32
    for no, rows in enumerate(contents, 1):
        part = seal(no, prev, rows, seed, refused=refused)
        prev = part[0]["seal"]["head"]
        lines += part
    return lines


def contents():
    """January, of which a prune record is in the last seal; and May."""
    first = [action(NOON, 1), event(NOON, 1, 1), event(NOON, 1, 2)]
    second = [action(MAY, 2), action(MAY, 3, reason="insults"), event(MAY, 2)]
    third = [event(MAY, 3), prune(MAY + 2_000_000, "2026-01-01", 1, 2)]
    return [first, second, third]


def record(seed=SEED):
    """Some rows are in no seal yet."""
    return [*chained(contents(), seed), action(MAY + 3_000_000, 4)]


def text(lines):
    counts = {"seals": sum("seal" in line for line in lines), "rows": sum("seal" not in line for line in lines)}
    lines = [{"format": "modgate.record", "version": 1}, *lines, {"end": True, **counts}]
    return [json.dumps(line, ensure_ascii=False) for line in lines]


def heads(lines):
    """As the log has one, and as `modgate seals` has the others."""
    first, *others = [line["seal"] for line in lines if "seal" in line]
    logged = {"level": "INFO", "event": "seal", "seal.no": first["no"], "seal.head": first["head"]}
    return ["no JSON", '{"event":"action"}', json.dumps(logged), *(json.dumps(seal) for seal in others)]


def checked(lines, kept=None, key=SEED):
    kept = verify.read_heads(kept) if kept else None
    return verify.check(text(lines), verify.read_public_keys(pem(key)), kept)


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
    find(lines, "seal", 1)["seal"] |= {"signature": None, "key_id": None}
    return lines


def contents_swapped(lines):
    one, other = find(lines, "action", 1)["action"], find(lines, "action", 2)["action"]
    one["id"], other["id"] = other["id"], one["id"]
    return lines


def back_dated(_):
    made = contents()
    made[2].append(action(MAY - 3_600_000_000, 5))
    return chained(made)


def with_refused(_):
    made = contents()
    return chained(made, refused=[made[1][0]])


def added(line):
    return lambda lines: [*lines, line]


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
        findings, summary = checked(tamper(copy.deepcopy(record())))
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
    findings, summary = checked(lines, kept)
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
        ([first.replace("1", "2"), *lines[1:]], "of another version"),
        ([*lines[:3], *lines[2:]], "stands twice"),
        ([*lines[:2], *lines[3:]], "counts otherwise"),
        ([*lines, end], "after the end"),
        ([first, lines[1].replace('"n"', '"no": 1, "n"', 1), *lines[2:]], "a member stands twice"),
        ([], "it has no end"),
    ]:
        try:
            verify.check(wrong)
        except (verify.Unreadable, ValueError) as error:
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


def check_signatures():
    for public_key, message, signature in VECTORS:
        public_key, message, signature = map(bytes.fromhex, (public_key, message, signature))
        assert ed25519.verifies(public_key, message, signature)
        assert not ed25519.verifies(public_key, message + b"\0", signature)
        late = (int.from_bytes(signature[32:], "little") + ed25519.L).to_bytes(32, "little")
        assert not ed25519.verifies(public_key, message, signature[:32] + late), "S is below L"


for checking in (check_signatures, check_bytes, check_cases, check_heads, check_refusals):
    checking()
print(f"{len(CASES)} cases, {len(VECTORS)} vectors")
