"""Verifies an exported record, without modgate and with nothing but Python.

    verify.py EXPORT [--public-key PEM] [--seal-file HEADS]

Written from src/audit/format.md, not from modgate's code: what both find is not the mistake of one.
What takes the seal key, the macs, it cannot check. Exit 0 intact, 1 tampered, 2 could not check.
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
from datetime import datetime, timedelta, timezone
from uuid import UUID

import ed25519

FIELDS = {
    "A": "id kind moderator moderator_name issuer token_id client_id actor user_id room_id data reason case_ref "
    "supersedes batch_id idempotency_key client_ip peer_ip user_agent trace_id http_request_id instance version "
    "sdk_app_id tencent_host requested_at deadline_ms tencent_random".split(),
    "E": "action_id rev state at decided_by duration_us attempt tencent_random attempt_duration_us http_status "
    "action_status error_code error_info tencent_request_id failure next_random".split(),
    "P": "id month actions events pruned_at pruned_by".split(),
}
TABLES = {"action": "A", "event": "E", "prune": "P"}
NAMES = {table: name for name, table in TABLES.items()}
SEAL = {"no", "epoch", "prev", "n", "leaves", "sealed_at", "head", "signature", "key_id"}
LEAF = struct.Struct(">c16sH32s")
# Rows become final in another order than they are dated, by as much as clocks and transactions allow.
APART = 60_000_000
# So long after the first signed seal a gateway may still be without the key.
ROLLOUT = 600_000_000


class Unreadable(Exception):
    """It cannot be checked."""


def require(holds, otherwise):
    if not holds:
        raise Unreadable(otherwise)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def at(micros):
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)).isoformat()


def members(pairs):
    require(len({name for name, _ in pairs}) == len(pairs), "a member stands twice in an object")
    return dict(pairs)


class Row:
    """A line with a row, and what it must hash to."""

    def __init__(self, table, columns):
        require(columns.keys() - {"recorded_at"} == {*FIELDS[table], "leaf_hash", "mac"}, f"not the columns: {columns}")
        self.table, self.columns = table, columns
        fields = [columns[field] for field in FIELDS[table]]
        require(all(field is None or isinstance(field, str) for field in fields), f"a column is no text: {columns}")
        key = columns["action_id" if table == "E" else "id"]
        self.id, self.rev = UUID(key), int(columns["rev"]) if table == "E" else 0
        require(str(self.id) == key, f"not an id as it is written: {key}")
        self.recorded_at = int(columns["pruned_at" if table == "P" else "recorded_at"])
        texts = [b"\xff" * 4 if f is None else struct.pack(">I", len(f.encode())) + f.encode() for f in fields]
        self.leaf = sha256(b"\0modgate.audit.v1", table.encode(), *texts)
        mac = bytes.fromhex(columns["mac"] or "")
        require(len(mac) in (0, 32), f"not a mac: {columns}")
        self.hash = sha256(b"\1", self.leaf, struct.pack(">q", self.recorded_at), mac)
        self.key = (self.table, self.id, self.rev)


class Seal:
    def __init__(self, columns):
        require(columns.keys() == SEAL, f"not the columns of a seal: {columns.keys()}")
        self.no, self.epoch, self.n = columns["no"], columns["epoch"], columns["n"]
        self.sealed_at = int(columns["sealed_at"])
        self.prev, self.head = bytes.fromhex(columns["prev"]), bytes.fromhex(columns["head"])
        self.leaves = base64.b64decode(columns["leaves"], validate=True)
        self.signature = bytes.fromhex(columns["signature"]) if columns["signature"] is not None else None
        self.key_id = columns["key_id"]

    def made_head(self):
        numbers = struct.pack(">IQIq", self.epoch, self.no, self.n, self.sealed_at)
        return sha256(b"\2", self.prev, numbers, sha256(self.leaves))

    def entries(self):
        """(table, as it stands; key; row hash) of each leaf."""
        for table, id, rev, row_hash in LEAF.iter_unpack(self.leaves[: len(self.leaves) // LEAF.size * LEAF.size]):
            table = table.decode("latin-1")
            yield table, (table.upper(), UUID(bytes=id), rev), row_hash


def name(key):
    table, id, rev = key
    return f"{NAMES.get(table, table)} {id}" + (f" rev {rev}" if table == "E" else "")


def month(id):
    """The month of a row, by the time in its UUIDv7."""
    return (datetime(1970, 1, 1) + timedelta(milliseconds=id.int >> 80)).strftime("%Y-%m-01")


def read(lines):
    """The seals in their order, and the rows by their key."""
    seals, rows, counts, ended = [], {}, {"seals": 0, "rows": 0}, False
    for index, line in enumerate(lines):
        value = json.loads(line, object_pairs_hook=members)
        if index == 0:
            require(value == {"format": "modgate.record", "version": 1}, "not a record, or of another version")
            continue
        require(not ended, "something comes after the end")
        if "end" in value:
            require(value == {"end": True, **counts}, f"the end counts otherwise: {value}, not {counts}")
            ended = True
            continue
        [(kind, columns)] = value.items()
        if kind == "seal":
            seals.append(Seal(columns))
            counts["seals"] += 1
        else:
            row = Row(TABLES[kind], columns)
            require(row.key not in rows, f"{name(row.key)} stands twice in the export")
            rows[row.key] = row
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
    """(no, head) of what `modgate seals` printed and what the log says, among whatever else."""
    heads = []
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and value.get("event") == "seal":
            heads.append((int(value["seal.no"]), value["seal.head"]))
        elif isinstance(value, dict) and "no" in value and "head" in value:
            heads.append((int(value["no"]), value["head"]))
    require(heads, "no seal in the seal file")
    return heads


class Check:
    def __init__(self, seals, rows):
        self.seals, self.rows, self.findings = seals, rows, []
        self.sealed = {}  # key: (number of the seal, row hash, whether it was refused)

    def find(self, what, wrong):
        self.findings.append(f"tampered: {what}: {wrong}")

    def chain(self):
        no, epoch, head = 0, 0, bytes(32)
        for seal in self.seals:
            what = f"seal {seal.no}"
            for missing in range(no + 1, min(seal.no, no + 1000)):
                self.find(f"seal {missing}", "missing")
            if seal.no <= no or seal.prev != head or seal.epoch not in (max(epoch, 1), epoch + 1):
                self.find(what, f"does not follow seal {no}")
            if seal.head != seal.made_head() or seal.n * LEAF.size != len(seal.leaves):
                self.find(what, "its head is not that of its content")
            no, epoch, head = seal.no, seal.epoch, seal.head

    def signatures(self, public_keys):
        signed = None
        for seal in self.seals:
            what = f"seal {seal.no}"
            if seal.signature is None:
                if signed is not None:
                    self.find(what, f"not signed, though seal {signed} is")
                continue
            signed = signed or seal.no
            if public_keys and seal.key_id not in public_keys:
                self.find(what, f"signed by an unknown key: {seal.key_id}")
            elif public_keys:
                message = b"modgate.seal.v1\n" + seal.head
                if not ed25519.verifies(public_keys[seal.key_id], message, seal.signature):
                    self.find(what, "the signature is wrong")
        if public_keys and signed is None and self.seals:
            self.find(f"seal {self.seals[-1].no}", "not signed, though there is a key")
        return signed

    def heads(self, kept):
        heads = {seal.no: seal.head.hex() for seal in self.seals}
        for no, head in kept:
            if no not in heads:
                self.find(f"seal {no}", "kept outside, but not in the record (cut off)")
            elif heads[no] != head:
                self.find(f"seal {no}", "its head differs from the one kept outside")

    def writer(self, row):
        """What can be said without the key of who wrote a row."""
        first = next((seal.sealed_at for seal in self.seals if seal.signature is not None), None)
        if row.leaf.hex() != row.columns["leaf_hash"]:
            self.find(name(row.key), "its leaf_hash is not that of its content")
        elif row.columns["mac"] is None and first is not None and row.recorded_at > first + ROLLOUT:
            self.find(name(row.key), "written without the key")

    def contents(self):
        """Each entry of a seal against its row."""
        newest = None  # (recorded_at, number of the seal) of what was sealed before
        for seal in self.seals:
            last, dates = None, []
            for table, key, row_hash in seal.entries():
                order = (key[1], key[2], table)
                if table not in "AEPae" or key in self.sealed or (last is not None and order <= last):
                    self.find(name(key), f"not as a seal has it, or twice (seal {seal.no})")
                last = order
                self.sealed.setdefault(key, (seal.no, row_hash, table.islower()))
                row = self.rows.get(key)
                if row is None:
                    continue
                dates.append(row.recorded_at)
                if row.hash != row_hash:
                    self.find(name(key), f"changed after it was sealed (seal {seal.no})")
                if newest and row.recorded_at < newest[0] - APART:
                    self.find(name(key), f"back-dated: recorded at {at(row.recorded_at)}, sealed after what is newer "
                                         f"(seal {seal.no})")
                if table.islower():
                    self.find(name(key), f"written without the key (seal {seal.no})")
                else:
                    self.writer(row)
            newest = max([*([newest] if newest else []), *((date, seal.no) for date in dates)], default=None)
        return newest

    def unsealed(self, newest):
        unsealed = [row for key, row in self.rows.items() if key not in self.sealed]
        for row in unsealed:
            if row.table == "P":
                self.find(name(row.key), "in no seal")
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
            for table, says in (("A", row.columns["actions"]), ("E", row.columns["events"])):
                sealed = [k for k, (n, _, _) in self.sealed.items() if k[0] == table and n < no and month(k[1]) == which]
                if int(says) != len(sealed):
                    self.find(name(key), f"says {says} {NAMES[table]}s of {which}, but {len(sealed)} were sealed")
        return pruned

    def missing(self, pruned):
        # A month's table is dropped as a whole: where one row of it is left, all must be.
        left = {(table, month(id)) for table, id, _ in self.rows}
        for key, (no, _, _) in self.sealed.items():
            of = (key[0], month(key[1]))
            dropped = key[0] in "AE" and pruned.get(of[1], 0) > no and of not in left
            if key not in self.rows and not dropped:
                self.find(name(key), f"missing (seal {no})")


def check(lines, public_keys=None, kept=None):
    """The findings, and how strong their absence is."""
    seals, rows = read(lines)
    record = Check(seals, rows)
    record.chain()
    signed = record.signatures(public_keys)
    record.heads(kept or [])
    newest = record.contents()
    unsealed = record.unsealed(newest)
    record.missing(record.pruned())
    strength = "unsigned" if signed is None else "signed" if public_keys else "signed, by a key that was not checked"
    if kept:
        strength += f", witnessed up to seal {max(no for no, _ in kept)}"
    return record.findings, f"{len(rows)} rows in {len(seals)} seals; {strength}; {unsealed} rows not sealed yet"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("export")
    parser.add_argument("--public-key")
    parser.add_argument("--seal-file")
    given = parser.parse_args()
    try:
        with open(given.export, encoding="utf-8", newline="\n") as export:
            public_keys = read_public_keys(open(given.public_key).read()) if given.public_key else None
            kept = read_heads(open(given.seal_file, encoding="utf-8")) if given.seal_file else None
            findings, summary = check(export, public_keys, kept)
    except (Unreadable, OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        print(f"could not check: {error!r}", file=sys.stderr)
        sys.exit(2)
    print(*findings, f"tampered: {len(findings)} findings in {summary}" if findings else f"intact: {summary}", sep="\n")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
