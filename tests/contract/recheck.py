"""A second check of evidence packages, written from docs/evidence.md alone: it imports nothing of the project. § = its sections."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NAME = re.compile(r"(package|keys|photos|decisions)\.json|records\.ndjson|index\.html|(chains|receipts|forks)/[1-9]\d*\.ndjson"
                  r"|pages/[1-9]\d*\.html|photos/[0-9a-f]{64}\.[a-z0-9]{1,8}")  # fmt: skip


def H(x: bytes) -> bytes:
    return hashlib.sha256(x).digest()


def unb64(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise ValueError("base64url written another way")
    return data


def signed(key: str, message: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(unb64(key)).verify(unb64(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def read(data: bytes | str) -> Any:
    return json.loads(data, object_pairs_hook=once)


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def lines_of(data: bytes) -> list[Any]:
    return [read(x) for x in data.split(b"\n")[:-1]]


class Recheck:
    def __init__(self, data: bytes, rules: dict[str, Any]) -> None:
        self.data, self.rules, self.faults = data, rules, list[str]()

    def want(self, holds: bool, code: str, where: object = "") -> None:
        if not holds:
            self.faults.append(f"{code} {where}")

    def all(self) -> list[str]:
        try:
            self.container()
            self.changes: dict[str, list[Any]] = {}
            self.seqs: set[tuple[str, int]] = set()
            for chain in self.package["chains"]:
                self.chain(chain)
            if self.package["selection"]["kind"] == "project":
                self.gaps(self.package["project"]["id"])
            self.records()
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, zipfile.BadZipFile) as err:
            self.faults.append(f"form {err!r}")
        return self.faults

    def container(self) -> None:  # § 3.2, 3.3
        z = zipfile.ZipFile(io.BytesIO(self.data))
        at, self.files = 0, dict[str, bytes]()
        for i in z.infolist():
            n, m = (
                int.from_bytes(self.data[i.header_offset + k : i.header_offset + k + 2], "little") for k in (26, 28)
            )
            self.want(
                i.header_offset == at and i.compress_type == 0 and i.filename not in self.files, "zip", i.filename
            )
            self.want(bool(NAME.fullmatch(i.filename)), "name", i.filename)
            self.files[i.filename], at = z.read(i), at + 30 + n + m + i.file_size
        self.want(at == z.start_dir and self.data.endswith(z.comment), "zip", "end")
        p = self.package = read(self.files["package.json"])
        self.want(canonical(p) == self.files["package.json"] and list(self.files)[-1] == "package.json", "package")
        self.want((p["format"], p["kind"]) == (1, "jingtu-evidence"), "format")
        mark, key, signature = z.comment.decode().split(" ")
        whole = H(self.data[: -len(z.comment)]).hex()
        self.want(
            mark == "jingtu-seal-1"
            and key == p["server_key"]
            and signed(key, f"jingtu-seal-1\n{whole}".encode(), signature),
            "seal",
        )
        self.want(p["files"].keys() == self.files.keys() - {"package.json"}, "files")
        for name, said in p["files"].items():
            self.want(said == {"sha256": H(self.files[name]).hex(), "size": len(self.files[name])}, "hash", name)
        keys = read(self.files["keys.json"])
        self.want(keys["server_key"] == p["server_key"], "server key")
        self.keys = {e["enrolment"]: e for e in keys["enrolments"]}

    def chain(self, c: dict[str, Any]) -> None:  # § 3.4–3.6
        scope, enrolment, lines = c["scope"], c["enrolment"], lines_of(self.files[c["file"]])
        for named, folder in ((c["file"], "chains/"), (c["receipts"], "receipts/"), (c["forks"], "forks/")):
            self.want(named is None or named.startswith(folder), "name", named)
        who, pushes = (
            self.keys.get(enrolment),
            [self.push(c, x) for x in lines_of(self.files[c["receipts"]] if c["receipts"] else b"")],
        )
        links, raw = [H(f"jingtu-chain-1\n{scope}\n{enrolment}".encode())], list[bytes | None]()
        self.want((who is not None) != (enrolment == "console"), "key", enrolment)
        for n, x in enumerate(lines, 1):
            self.want(x["pos"] == n, "position", n)
            line = None if "inner" in x else x["line"].encode() if "line" in x else unb64(x["line64"])
            raw.append(line)
            inner = bytes.fromhex(x["inner"]) if line is None else H(bytes.fromhex(x["salt"]) + line)
            links.append(H(links[-1] + inner))
            if x.get("proof") == "unproven" or (line is None and "link" in x):
                backed = any(
                    p and (p[1].get("links") or [])[n - p[0]["first"] : n - p[0]["first"] + 1] == [x["link"]]
                    for p in pushes
                )
                self.want(backed and x["link"] != links[-1].hex(), "unproven", n)
                links[-1] = bytes.fromhex(x["link"])
            if line is not None:
                self.line(c, x, line, who)
        self.want((len(lines), links[-1].hex()) == (c["last"], c["head"]), "head of chain", c["file"])
        covered, said = set[int](), dict[int, Any]()
        for receipt, claim in filter(None, pushes):
            first, last = receipt["first"], receipt["last"]
            self.want(last < len(links) and links[last].hex() == claim["head"], "signed head", (c["file"], last))
            batch = [b for b in raw[first - 1 : last] if b is not None]
            if len(batch) == last - first + 1:
                self.want(H(b"\n".join(batch)).hex() == claim["lines"], "signed lines", (first, last))
            covered |= set(range(first, last + 1))
            for pos, count, outcome, seq in receipt["runs"]:
                said |= {pos + k: (outcome, seq and seq + k) for k in range(count) if outcome != "parked"}
        for n, x in enumerate(lines, 1):
            if "inner" not in x and who:
                self.want(n in covered, "no receipt", n)
                self.want(
                    x["outcome"] == "again"
                    or said.get(n, (x["outcome"], x.get("seq"))) == (x["outcome"], x.get("seq")),
                    "outcome",
                    n,
                )
        for fork in lines_of(self.files[c["forks"]]) if c["forks"] else []:
            claim, last = read(fork["claim"] or "null"), fork["lines"][-1]["pos"]
            clone = (
                claim and self.head_holds(c, claim, last) and links[last : last + 1] != [bytes.fromhex(claim["head"])]
            )
            self.want(not clone, "cloned", enrolment)

    def push(self, c: dict[str, Any], x: dict[str, Any]) -> tuple[Any, Any] | None:  # § 3.5
        receipt, claim = read(x["text"]), read(x["claim"])
        self.want(signed(self.package["server_key"], x["text"].encode(), x["signature"]), "receipt", receipt["receipt"])
        same = [receipt[k] for k in ("scope", "enrolment", "head", "first", "epoch")] == [
            c["scope"],
            c["enrolment"],
            claim["head"],
            claim["first"],
            claim["epoch"],
        ]
        self.want(same and receipt["server_key"] == self.package["server_key"], "batch", receipt["receipt"])
        holds = self.head_holds(c, claim, receipt["last"])
        self.want(holds, "device signature", receipt["receipt"])
        return (receipt, claim) if holds and same else None

    def head_holds(self, c: dict[str, Any], claim: dict[str, Any], last: int) -> bool:
        message = f"jingtu-push-1\n{c['scope']}\n{c['enrolment']}\n{last}\n{claim['head']}\n{claim['lines']}".encode()
        return signed(self.keys[c["enrolment"]]["public_key"], message, claim["signature"])

    def line(self, c: dict[str, Any], x: dict[str, Any], line: bytes, who: dict[str, Any] | None) -> None:  # § 3.6
        accepted, seq = x["outcome"] in ("applied", "conflict"), x.get("seq")
        self.want((seq is not None) == accepted and (c["scope"], seq) not in self.seqs, "seq", x["pos"])
        if x["outcome"] in ("rejected", "again"):
            return
        change = read(line)
        author = (
            (change["by"], change["device"]) == (who["person"], who["device"]) if who else change["device"] == "server"
        )
        self.want(author and change["scope"] == c["scope"], "author", x["pos"])
        salt = hmac.digest(b"", change["id"].encode(), "sha256")[:16].hex()
        self.want(bool(who) or x["salt"] == salt, "salt", x["pos"])
        if accepted:
            self.seqs.add((c["scope"], seq))
            self.changes.setdefault(change["record"], []).append((seq, x["outcome"], change))

    def gaps(self, project: str) -> None:  # § 3.6
        of: dict[str, list[int]] = {}
        for scope, seq in self.seqs:
            of.setdefault(scope, []).append(seq)
        for scope, seqs in of.items():
            whole = sorted(seqs) == list(range(1, len(seqs) + 1))
            self.want(whole or scope.rpartition(".")[0] != project, "seqs missing", scope)

    def records(self) -> None:  # § 3.7, 3.8
        named: dict[str, list[str]] = {}
        for raw, row in zip(
            self.files["records.ndjson"].split(b"\n"), lines_of(self.files["records.ndjson"]), strict=False
        ):
            whole = b'{"id":"%s","seq":%d,"type":"%s","values":%s}' % (
                row["id"].encode(),
                row["seq"],
                row["type"].encode(),
                canonical(row["values"]),
            )
            self.want(raw == whole, "row", row["id"])
            made = self.replay(row["id"], sorted(self.changes.pop(row["id"], []), key=lambda c: int(c[0])))
            self.want((row["type"], row["seq"], row["values"]) in made, "record", row["id"])
            if row["type"] == "photo":
                named.setdefault(row["values"]["sha256"], []).append(row["id"])
        self.want(not self.changes, "records missing", list(self.changes))
        photos = {p["sha256"]: p for p in read(self.files["photos.json"])}
        self.want({s: sorted(r) for s, r in named.items()} == {s: p["records"] for s, p in photos.items()}, "photos")
        here = {n: H(d).hex() for n, d in self.files.items() if n.startswith("photos/")}
        self.want(here == {p["file"]: s for s, p in photos.items() if p["there"]}, "photo bytes")

    def replay(self, record: str, changes: list[Any]) -> list[Any]:
        """The states that may result: of a conflict either all of it waits, or what does not clash is written."""
        states: list[dict[str, Any]] = [{}]
        for n, (_, outcome, c) in enumerate(changes):
            self.want(n > 0 or not c["before"], "beginning", record)
            done = [self.merge(c, now) for now in states]
            fit = [d for d in done if not d[1]]  # what was simply applied cannot have clashed
            self.want(outcome == "conflict" or bool(fit), "clash", record)
            if outcome == "conflict":  # without a clash nothing of it moves
                states = [new for new, clash in done if clash] + states
            else:
                states = [new for new, _ in fit]
        return [(changes[-1][2]["type"], changes[-1][0], now) for now in states] if changes else []

    def merge(self, c: dict[str, Any], now: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        atoms, over, union = (
            {**self.rules[k]["*"], **self.rules[k].get(c["type"], {})} for k in ("atom", "overwrite", "union")
        )
        clash, out = False, dict(now)
        for atom in {atoms.get(f, f) for f in c["after"]}:
            fields = [f for f in c["after"] if atoms.get(f, f) == atom]
            was, new = [c["before"].get(f) for f in fields], [c["after"][f] for f in fields]
            if [now.get(f) for f in fields] in (was, new) or fields[0] in over:
                out |= dict(zip(fields, new, strict=True))
            elif fields[0] in union:
                kept = [x for x in now.get(fields[0]) or [] if x not in (was[0] or []) or x in (new[0] or [])]
                out[fields[0]] = [
                    *kept,
                    *(x for x in new[0] or [] if x not in (was[0] or []) and x not in kept),
                ] or None
            else:
                clash = True
        return {k: v for k, v in out.items() if v is not None}, clash


def rules_of(document: Path) -> dict[str, Any]:
    """The table of § 3.7. "*" = of every type."""
    text = document.read_text("utf-8")
    return read(text.partition("```json merge\n")[2].partition("```")[0])
