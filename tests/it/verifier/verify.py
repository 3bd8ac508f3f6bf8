"""Verifies an exported record, without modgate and with nothing but Python.

    verify.py EXPORT [--public-key PEM] [--seal-file HEADS] [--accepted ID]... [--proven-since TIME]

Written from src/audit/proof/format.md, not from modgate's code: what both find is not the mistake of one.
What takes the seal key, the macs, it cannot check. Exit 0 intact, 1 tampered, 2 could not check, 3 intact but for
decisions that were not said to be accepted.
"""

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
from datetime import datetime, timedelta, timezone
from uuid import UUID

import ed25519

# The hashed columns of the newest version of each table's rows.
FIELDS = {
    "A": "id kind moderator moderator_name issuer token_id client_id actor user_id room_id data reason case_ref "
    "supersedes batch_id idempotency_key client_ip peer_ip user_agent trace_id http_request_id instance version "
    "sdk_app_id tencent_host requested_at deadline_ms tencent_random batch_index parameters".split(),
    "E": "action_id rev state at decided_by duration_us attempt tencent_random attempt_duration_us http_status "
    "action_status error_code error_info tencent_request_id failure next_random details".split(),
    "P": "id month actions events pruned_at pruned_by batches batch_items batch_events".split(),
    "O": "id kind subject decided_at decided_by operator host reason details".split(),
    "B": "id moderator moderator_name issuer token_id client_id actor reason case_ref total digest targets_digest "
    "repeats needs_approval idempotency_key parameters client_ip peer_ip user_agent trace_id http_request_id instance "
    "version sdk_app_id submitted_at expires_at".split(),
    "I": "batch_id batch_index kind user_id room_id data reason case_ref parameters".split(),
    "C": "batch_id rev event at moderator moderator_name issuer token_id client_id actor reason details client_ip "
    "peer_ip user_agent trace_id http_request_id instance version".split(),
    "K": "id brake kind issuer moderator reason requested_at by_moderator moderator_name by_issuer token_id client_id "
    "actor client_ip peer_ip user_agent trace_id http_request_id instance decided_by operator host version".split(),
}
# How many of them version 1 has.
OF_VERSION_1 = {"A": 28, "E": 16, "P": 6, "O": 9, "B": 0, "I": 0, "C": 0, "K": 0}
VERSIONS = {"A": (1, 2), "E": (1, 2), "P": (1, 2), "O": (1,), "B": (2,), "I": (2,), "C": (2,), "K": (2,)}
# Since version 2, hashed with the row's salt.
PERSONAL = {
    "A": "moderator_name data reason client_ip peer_ip user_agent".split(),
    "E": ["error_info"],
    "B": "moderator_name reason client_ip peer_ip user_agent".split(),
    "I": ["data", "reason"],
    "C": "moderator_name reason client_ip peer_ip user_agent".split(),
    "K": "moderator_name reason client_ip peer_ip user_agent".split(),
}
TABLES = {"action": "A", "event": "E", "prune": "P", "decision": "O", "batch": "B", "batch_item": "I",
          "batch_event": "C", "brake": "K"}
NAMES = {table: name for name, table in TABLES.items()}
IDS = {"E": "action_id", "I": "batch_id", "C": "batch_id"}
REVS = {"E": "rev", "I": "batch_index", "C": "rev"}
# When a row was recorded.
DATES = {"P": "pruned_at", "O": "decided_at", **{table: "recorded_at" for table in "AEBICK"}}
# What the sealer finds by itself; and what is divided into months, with the column of a prune that counts it.
FOUND = "AEBICK"
COUNTED = {"A": "actions", "E": "events", "B": "batches", "I": "batch_items", "C": "batch_events"}
SEAL = {"no", "epoch", "prev", "n", "leaves", "sealed_at", "head", "signature", "key_id"}
# Of seals, with what they may list. Those of format 1 knew no decisions, those of format 2 no batches.
FORMATS = {1: "AEPae", 2: "AEPOae", 3: "AEPOBICKaebick"}
LEAF = struct.Struct(">c16sH32s")
# In which a seal has entries of one id and rev.
ORDER = "AEPOBICK"
# Rows become final in another order than they are dated, by as much as clocks and transactions allow.
APART = 60_000_000
# How long after its time an event may be recorded, in microseconds.
LATEST = 1_800_000_000
# So long after the first signed seal a gateway may still be without the key.
ROLLOUT = 600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))")


class Unreadable(Exception):
    """It cannot be checked."""


def require(holds, otherwise):
    if not holds:
        raise Unreadable(otherwise)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def framed(raw):
    """As a field is hashed: with its length, or that it is null."""
    return b"\xff" * 4 if raw is None else struct.pack(">I", len(raw)) + raw


def at(micros):
    try:
        return (EPOCH + timedelta(microseconds=micros)).isoformat()
    except OverflowError:
        return f"{micros} us"


def micros_of(text):
    """Of a time as RFC 3339 has it. What is finer than a microsecond is cut off."""
    match = RFC_3339.fullmatch(text)
    if not match:
        raise ValueError(f"not a time of RFC 3339: {text!r}")
    date, time, fraction, sign, hours, minutes = match.groups()
    local = datetime.fromisoformat(f"{date}T{time}+00:00")
    offset = (int(hours or 0) * 3600 + int(minutes or 0) * 60) * (-1 if sign == "-" else 1)
    seconds = (local - EPOCH) // timedelta(seconds=1) - offset
    return seconds * 1_000_000 + int((fraction or "0").ljust(6, "0")[:6])


def printable(text):
    """On one line: a text in the record must not print a line of its own."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def members(pairs):
    require(len({name for name, _ in pairs}) == len(pairs), "a member stands twice in an object")
    return dict(pairs)


class Row:
    """A line with a row, in an export of this version, and what it must hash to."""

    def __init__(self, table, columns, export=3):
        fields = FIELDS[table] if export > 2 else FIELDS[table][: OF_VERSION_1[table]]
        require(fields, f"an export of version {export} has no {NAMES[table]}")
        says = {"leaf_hash", "mac", *({"recorded_at"} & {DATES[table]})}
        if export > 2:
            says |= {"row_format"} if table != "O" else set()
            says |= {"salt"} if table in PERSONAL else set()
        require(columns.keys() == {*fields} | says, f"not the columns: {columns}")
        self.table, self.columns = table, columns
        texts = [columns.get(field) for field in FIELDS[table]]
        require(all(text is None or isinstance(text, str) for text in texts), f"a column is no text: {columns}")
        key = columns[IDS.get(table, "id")]
        self.id, self.rev = UUID(key), int(columns[REVS[table]]) if table in REVS else 0
        require(str(self.id) == key, f"not an id as it is written: {key}")
        self.key = (self.table, self.id, self.rev)
        self.version = int(columns.get("row_format", "1"))
        require(self.version in VERSIONS[table], f"{name(self.key)} is of version {self.version}, which is not known")
        self.recorded_at = int(columns[DATES[table]])
        salt = bytes.fromhex(columns.get("salt") or "")
        self.leaf = sha256(f"\0modgate.audit.v{self.version}{table}".encode(), *self.hashed(texts, salt))
        mac = bytes.fromhex(columns["mac"] or "")
        require(len(mac) in (0, 32), f"not a mac: {columns}")
        self.hash = sha256(b"\1", self.leaf, struct.pack(">q", self.recorded_at), mac)

    def hashed(self, texts, salt):
        """Each column as it is hashed."""
        for index, (field, text) in enumerate(zip(FIELDS[self.table], texts)):
            raw = None if text is None else text.encode()
            if self.version == 1:
                # What version 1 does not have is null, or else the row was changed.
                if index < OF_VERSION_1[self.table] or raw is not None:
                    yield framed(raw)
            elif raw is not None and field in PERSONAL.get(self.table, ()):
                yield framed(sha256(salt, raw))
            else:
                yield framed(raw)
        if self.version == 1 and self.columns.get("salt") is not None:
            yield framed(salt)

    def has_its_time(self):
        """`recorded_at` is the database's, and in no mac: it must be about the time that the columns tell."""
        if self.table in "EC":
            return -APART <= self.recorded_at - int(self.columns["at"]) <= LATEST
        if self.table == "I":
            return abs(self.recorded_at - (self.id.int >> 80) * 1000) <= APART
        told = {"A": "requested_at", "K": "requested_at", "B": "submitted_at"}.get(self.table)
        return told is None or abs(self.recorded_at - int(self.columns[told])) <= APART


class Decision:
    """What a row of this table explains. Details that nobody can read explain nothing."""

    def __init__(self, row):
        self.row, self.kind, self.decided_at = row, row.columns["kind"], row.recorded_at
        try:
            details = json.loads(row.columns["details"] or "null", object_pairs_hook=members)
        except (ValueError, Unreadable, RecursionError):
            details = None
        self.details = details if isinstance(details, dict) else {}
        self.is_break = self.kind == "break"
        self.last = (self.number("last_no"), self.details.get("last_head"))

    def number(self, member):
        value = self.details.get(member)
        return value if type(value) is int else None

    def void(self):
        """The first and the last number of the seals that do not count."""
        first, last = self.number("void_from"), self.number("last_no")
        return (first, last) if self.is_break and first is not None and last is not None else None

    def explains(self, no, made_at):
        """Whether the record may lack a head of this number, kept outside, that was made then."""
        lost_from = self.number("lost_from")
        known = self.is_break and lost_from is not None and made_at is not None
        return known and no >= lost_from and made_at < self.decided_at

    def acknowledged(self):
        """(key, row hash in hexadecimal) of each row that no gateway wrote."""
        rows = self.details.get("rows") if self.kind == "acknowledgement" else None
        for row in rows if isinstance(rows, list) else []:
            try:
                key = ({NAMES[table]: table for table in FOUND}[row["table"]], UUID(row["id"]), row["rev"])
                if type(row["rev"]) is int and isinstance(row["hash"], str):
                    yield key, row["hash"]
            except (KeyError, TypeError, ValueError, AttributeError):
                continue


class Seal:
    def __init__(self, columns, version):
        named = SEAL if version == 1 else SEAL | {"format"}
        require(columns.keys() == named, f"not the columns of a seal: {columns.keys()}")
        self.no, self.epoch, self.n = columns["no"], columns["epoch"], columns["n"]
        self.format = columns.get("format", 1)
        self.sealed_at = int(columns["sealed_at"])
        self.prev, self.head = bytes.fromhex(columns["prev"]), bytes.fromhex(columns["head"])
        self.leaves = base64.b64decode(columns["leaves"], validate=True)
        self.signature = bytes.fromhex(columns["signature"]) if columns["signature"] is not None else None
        self.key_id = columns["key_id"]

    def made_head(self):
        require(type(self.format) is int and self.format in FORMATS, f"seal {self.no} is of format {self.format!r}")
        numbers = struct.pack(">IQIq", self.epoch, self.no, self.n, self.sealed_at)
        format = b"" if self.format == 1 else struct.pack(">I", self.format)
        return sha256(b"\2", self.prev, numbers, sha256(self.leaves), format)

    def entries(self):
        """(table, as it stands; key; row hash) of each leaf."""
        for table, id, rev, row_hash in LEAF.iter_unpack(self.leaves[: len(self.leaves) // LEAF.size * LEAF.size]):
            table = table.decode("latin-1")
            yield table, (table.upper(), UUID(bytes=id), rev), row_hash

    def signed_by(self, public_keys):
        """Whether one of these keys made it."""
        key = public_keys.get(self.key_id)
        message = b"modgate.seal.v1\n" + self.head
        return key is not None and self.signature is not None and ed25519.verifies(key, message, self.signature)


def name(key):
    table, id, rev = key
    which = {"rev": " rev {}", "batch_index": " index {}"}.get(REVS.get(table), "")
    return f"{NAMES.get(table, table)} {id}" + which.format(rev)


def month(id):
    """The month of a row, by the time in its UUIDv7."""
    try:
        return (EPOCH + timedelta(milliseconds=id.int >> 80)).strftime("%Y-%m-01")
    except OverflowError:
        return None


def read(lines):
    """The seals in their order, and the rows of each key: there may be more than one, which is a finding."""
    seals, rows, counts, version, ended = [], {}, {"seals": 0, "rows": 0}, None, False
    for index, line in enumerate(lines):
        value = json.loads(line, object_pairs_hook=members)
        if index == 0:
            version = value.get("version")
            known = type(version) is int and version in (1, 2, 3)
            require(known and value == {"format": "modgate.record", "version": version},
                    "not a record, or of another version")
            continue
        require(not ended, "something comes after the end")
        if "end" in value:
            require(value == {"end": True, **counts}, f"the end counts otherwise: {value}, not {counts}")
            ended = True
            continue
        [(kind, columns)] = value.items()
        if kind == "seal":
            seals.append(Seal(columns, version))
            counts["seals"] += 1
        else:
            require(version != 1 or kind != "decision", "version 1 has no decisions")
            row = Row(TABLES[kind], columns, version)
            rows.setdefault(row.key, []).append(row)
            counts["rows"] += 1
    require(ended, "the export is cut: it has no end")
    return seals, rows


def read_public_keys(pem):
    """By the key ids. SubjectPublicKeyInfo of Ed25519 is these twelve bytes and the key."""
    keys = {}
    for block in pem.split("-----BEGIN PUBLIC KEY-----")[1:]:
        der = base64.b64decode("".join(block.split("-----END")[0].split()), validate=True)
        require(len(der) == 44 and der[:12].hex() == "302a300506032b6570032100", "not an Ed25519 public key")
        keys[sha256(der[12:]).hex()[:16]] = der[12:]
    require(keys, "no public key in the file")
    return keys


def read_heads(lines):
    """{(no, head): when it was made, or None} of what `modgate seals` printed, the log says and a witness kept, among
    whatever else. Who kept a head twice, and only once with its time, knows its time."""
    heads = {}
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        for prefix in ("seal.", "") if isinstance(value, dict) else ():
            no, head, made_at = (value.get(prefix + member) for member in ("no", "head", "sealed_at"))
            if isinstance(head, str) and re.fullmatch("[0-9]+", str(no)):
                key = (int(no), head.lower())
                heads[key] = heads.get(key) if made_at is None else micros_of(made_at)
                break
    require(heads, "no seal in the seal file")
    return heads


class Check:
    def __init__(self, seals, copies, public_keys=None, proven_since=None):
        self.seals, self.public_keys, self.since = seals, public_keys, proven_since
        # Of rows with one key, one that is as a seal has it: that the other is there is found already.
        hashes = {row_hash for seal in seals for _, _, row_hash in seal.entries()}
        self.rows = {key: next((row for row in rows if row.hash in hashes), rows[0]) for key, rows in copies.items()}
        # Each explains what it says: if it is changed, or in no seal that counts, that is a finding by itself.
        self.decisions = {key: Decision(row) for key, row in self.rows.items() if key[0] == "O"}
        self.void = [decision.void() for decision in self.decisions.values() if decision.void()]
        self.acknowledged = {row for decision in self.decisions.values() for row in decision.acknowledged()}
        self.counting = [seal for seal in seals if not self.is_void(seal.no)]
        self.signed = next((seal for seal in self.counting if seal.signature is not None), None)
        self.sealed = {}  # key: (number of the seal, row hash, whether it was refused)
        self.up = set()  # numbers of the seals whose epoch went up
        self.weakest = []  # times from which on the proof may hold, for this or that reason
        self.findings = []
        for key, rows in copies.items():
            if len(rows) > 1:
                self.find(name(key), f"there {len(rows)} times")

    def find(self, what, wrong):
        self.findings.append(f"tampered: {what}: {wrong}")

    def is_void(self, no):
        return any(first <= no <= last for first, last in self.void)

    def missing_numbers(self, no, until):
        """The first numbers between these two that are not void. They may be very many."""
        missing, no = [], no + 1
        while no < until and len(missing) < 999:
            ends = [last for first, last in self.void if first <= no <= last]
            if not ends:
                missing.append(no)
            no = max(ends, default=no) + 1
        return missing

    def chain(self):
        if not self.counting and self.public_keys:
            self.find("record", "holds no seal, though there is a key")
        no, epoch, head = 0, 0, bytes(32)
        for seal in self.seals:
            what = f"seal {seal.no}"
            for missing in self.missing_numbers(no, seal.no):
                self.find(f"seal {missing}", "missing")
            follows = seal.no > no
            if not self.is_void(seal.no):
                # If the seal before it was void and is gone, its decision alone knows what `prev` must be.
                if seal.no - 1 > no and self.is_void(seal.no - 1):
                    follows = follows and seal.epoch > epoch
                else:
                    epochs = (epoch, epoch + 1) if no else (1,)
                    follows = follows and seal.prev == head and seal.epoch in epochs
                if seal.head != seal.made_head() or seal.n * LEAF.size != len(seal.leaves):
                    self.find(what, "its head is not that of its content")
                if seal.epoch > (epoch if no else 1):
                    self.up.add(seal.no)
            if not follows:
                self.find(what, f"does not follow seal {no}")
            # Of a format that is not known nothing else is.
            known = self.is_void(seal.no) and seal.format in FORMATS and self.public_keys
            if known and seal.signed_by(self.public_keys) and seal.head == seal.made_head():
                self.find(what, "void by a decision, though a known key made it")
            no, epoch, head = seal.no, seal.epoch, seal.head
        for before, after in zip(self.counting, self.counting[1:]):
            if after.format < before.format:
                self.find(f"seal {after.no}", f"of format {after.format}, after one of format {before.format}")

    def epochs(self):
        """A new epoch has a reason, and a break is where the chain was broken."""
        for seal in self.counting:
            up, explained = seal.no in self.up, False
            before = (seal.no - 1, seal.prev.hex() if seal.no > 1 else None)
            for table, key, _ in seal.entries():
                decision = self.decisions.get(key)
                if decision is None or not decision.is_break:
                    continue
                if seal.format != 1 and (up or seal.no == 1) and decision.last == before:
                    explained = True
                else:
                    self.find(name(key), f"in seal {seal.no}, where the chain was not broken as it says")
            if up and seal.format == 1:
                # Sealers of format 1 gave no reason. Nothing says what was lost before.
                self.weakest.append(seal.sealed_at)
                if self.since is not None and seal.sealed_at > self.since:
                    self.find(f"seal {seal.no}", f"a new epoch for no recorded reason, at {at(seal.sealed_at)}")
            elif up and not explained:
                self.find(f"seal {seal.no}", "a new epoch, but it holds no decision about the break before it")

    def signatures(self):
        for seal in self.counting:
            what = f"seal {seal.no}"
            if seal.signature is None:
                if self.signed and seal.no > self.signed.no:
                    self.find(what, f"not signed, though seal {self.signed.no} is")
            elif self.public_keys and seal.key_id not in self.public_keys:
                self.find(what, f"signed by an unknown key: {seal.key_id}")
            elif self.public_keys and not seal.signed_by(self.public_keys):
                self.find(what, "the signature is wrong")
        if self.public_keys and self.signed is None and self.counting:
            self.find(f"seal {self.counting[-1].no}", "not signed, though there is a key")

    def heads(self, kept):
        """The number of the newest head that was kept and is in the record."""
        heads, witnessed = {(seal.no, seal.head.hex()) for seal in self.seals}, None
        numbers = {no for no, _ in heads}
        for (no, head), made_at in sorted(kept.items(), key=lambda item: item[0]):
            if (no, head) in heads and self.is_void(no):
                self.find(f"seal {no}", "void by a decision, though its head was kept outside")
            elif (no, head) in heads:
                witnessed = no
            elif any(decision.explains(no, made_at) for decision in self.decisions.values()):
                continue
            elif no in numbers:
                self.find(f"seal {no}", "its head differs from the one kept outside")
            else:
                self.find(f"seal {no}", "kept outside, but not in the record (cut off)")
        return witnessed

    def writer(self, row):
        """What can be said without the key of who wrote a row."""
        first = self.signed.sealed_at if self.signed else None
        if row.leaf.hex() != row.columns["leaf_hash"]:
            self.find(name(row.key), "its leaf_hash is not that of its content")
        elif not row.has_its_time():
            self.find(name(row.key), "its recorded_at is not the time that its columns tell")
        elif row.columns["mac"] is None:
            late = first is not None and row.recorded_at > first + ROLLOUT
            if late or (self.since is not None and row.recorded_at >= self.since):
                self.find(name(row.key), f"written without the key, at {at(row.recorded_at)}")
            self.weakest.append(row.recorded_at + 1)

    def contents(self):
        """Each entry of a seal against its row."""
        newest = None  # (recorded_at, number of the seal) of what was sealed before
        for seal in self.counting:
            last, dates = None, []
            letters = FORMATS[seal.format]
            for table, key, row_hash in seal.entries():
                order = (key[1], key[2], ORDER.find(key[0]))
                if table not in letters or key in self.sealed or (last is not None and order <= last):
                    self.find(name(key), f"not as a seal has it, or twice (seal {seal.no})")
                last = order
                refused = table.islower()
                self.sealed.setdefault(key, (seal.no, row_hash, refused))
                known = refused and (key, row_hash.hex()) in self.acknowledged
                if refused and not known:
                    self.find(name(key), f"written without the key (seal {seal.no})")
                row = self.rows.get(key)
                if row is None:
                    continue
                if table == "O" and row.recorded_at > seal.sealed_at:
                    self.find(name(key), f"decided after its seal was made (seal {seal.no})")
                if key[0] in FOUND and not refused:
                    dates.append(row.recorded_at)
                if row.hash != row_hash:
                    self.find(name(key), f"changed after it was sealed (seal {seal.no})")
                if newest and not known and row.recorded_at < newest[0] - APART:
                    self.find(name(key), f"back-dated: recorded at {at(row.recorded_at)}, sealed after what is newer "
                                         f"(seal {seal.no})")
                if not refused:
                    self.writer(row)
            newest = max([*([newest] if newest else []), *((date, seal.no) for date in dates)], default=None)
        return newest

    def unsealed(self, newest):
        unsealed = [row for key, row in self.rows.items() if key not in self.sealed]
        for row in unsealed:
            if row.table in "PO":
                self.find(name(row.key), "in no seal that counts")
            elif newest and row.recorded_at < newest[0] - APART:
                self.find(name(row.key), f"in the record but in no seal, though recorded at {at(row.recorded_at)}, "
                                         f"before what seal {newest[1]} holds")
            else:
                self.writer(row)
        return len(unsealed)

    def pruned(self):
        """{month: number of the prune record's seal}, of those records that say how much was sealed before them."""
        pruned = {}
        for key, (no, _, refused) in self.sealed.items():
            row = self.rows.get(key)
            if key[0] != "P" or row is None or refused:
                continue
            which = row.columns["month"]
            if which in pruned:
                self.find(name(key), f"a second one for {which}")
            pruned[which] = no
            for table, column in COUNTED.items():
                says = row.columns.get(column) or ("0" if row.version == 1 else None)
                before = [k for k, (n, _, _) in self.sealed.items() if k[0] == table and n < no]
                sealed = sum(month(id) == which for _, id, _ in before)
                if says != str(sealed):
                    self.find(name(key), f"says {says} {NAMES[table]}s of {which}, but {sealed} were sealed")
        return pruned

    def missing(self, pruned):
        # A month's table is dropped as a whole: where one row of it is left, all must be.
        left = {(table, month(id)) for table, id, _ in self.rows}
        for key, (no, _, _) in self.sealed.items():
            of = (key[0], month(key[1]))
            dropped = key[0] in COUNTED and pruned.get(of[1], 0) > no and of not in left
            if key not in self.rows and not dropped:
                self.find(name(key), f"missing (seal {no})")

    def proof(self):
        """From when on it holds, if it does."""
        begins = self.signed.sealed_at if self.signed else None
        if self.since is not None and (begins is None or begins > self.since):
            begun = f"it begins with seal {self.signed.no} at {at(begins)}" if self.signed else "no seal is signed"
            self.find("proof", f"does not hold from {at(self.since)}: {begun}")
        return max([begins, *self.weakest]) if self.signed and self.public_keys else None

    def decided(self, accepted):
        """(whether it was accepted, the line) of each decision that is in a seal that counts."""
        for key, decision in self.decisions.items():
            if key not in self.sealed:
                continue
            columns, known = decision.row.columns, key[1] in accepted
            who = f"{columns['decided_by']!r} ({columns['operator']!r} at {columns['host']!r})"
            about = f" of {columns['subject']!r}" if columns["subject"] is not None else ""
            words = f"{decision.kind!r}{about} by {who}, {at(decision.decided_at)}, in seal {self.sealed[key][0]}"
            words += f", because: {columns['reason']!r}; {columns['details']}"
            yield known, f"decided{', accepted' if known else ''}: {key[1]}: {words}"


def check(lines, public_keys=None, kept=None, accepted=(), proven_since=None):
    """The findings; the decisions, as (accepted, line); and how strong the absence of findings is."""
    seals, copies = read(lines)
    record = Check(seals, copies, public_keys, proven_since)
    record.chain()
    record.epochs()
    record.signatures()
    witnessed = record.heads(kept or {})
    newest = record.contents()
    unsealed = record.unsealed(newest)
    record.missing(record.pruned())
    holds_from = record.proof()
    require(record.counting or record.findings, "the record holds no seal, so there is nothing to check")
    strength = "unsigned" if not record.signed else "signed" if public_keys else "signed, by a key that was not checked"
    if holds_from is not None:
        strength += f", the proof holds from {at(holds_from)}"
    if witnessed is not None:
        strength += f", witnessed up to seal {witnessed}"
    rows = sum(map(len, copies.values()))
    summary = f"{rows} rows in {len(seals)} seals; {strength}; {unsealed} rows not sealed yet"
    return record.findings, list(record.decided(accepted)), summary


def verdict(findings, decisions, summary):
    """The last line, and the exit code."""
    unknown = sum(not accepted for accepted, _ in decisions)
    if findings:
        return f"tampered: {len(findings)} findings in {summary}", 1
    if unknown:
        return f"intact but for {unknown} decisions: {summary}", 3
    return f"intact: {summary}", 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("export")
    parser.add_argument("--public-key")
    parser.add_argument("--seal-file")
    parser.add_argument("--accepted", metavar="ID", type=UUID, action="append", default=[])
    parser.add_argument("--proven-since", metavar="TIME", type=micros_of)
    given = parser.parse_args()
    if given.proven_since is not None and not given.public_key:
        parser.error("--proven-since needs --public-key")
    try:
        with open(given.export, encoding="utf-8", newline="\n") as export:
            public_keys = read_public_keys(open(given.public_key).read()) if given.public_key else None
            kept = read_heads(open(given.seal_file, encoding="utf-8")) if given.seal_file else None
            found = check(export, public_keys, kept, given.accepted, given.proven_since)
    except (Unreadable, OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError,
            struct.error) as error:
        print(f"could not check: {error!r}", file=sys.stderr)
        sys.exit(2)
    findings, decisions, _ = found
    last, code = verdict(*found)
    sys.stdout.reconfigure(errors="backslashreplace")
    for line in [*findings, *(line for _, line in decisions), last]:
        print(printable(line))
    sys.exit(code)


if __name__ == "__main__":
    main()
