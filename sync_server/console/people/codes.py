"""The enrolment code as a tablet can read it off a screen or a sheet of paper: a URI, and its QR code. Pure.

    jingtu://enrol?server=https%3A%2F%2Fjingtu.example&code=ABCD-EFGH-JKMN-PQRS&key=0123456789abcdef0123456789abcdef

`key` is the fingerprint of the server's public key (docs/sync-protocol.md §2): a tablet that has it will not enrol with a server
that only poses as this one.
"""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import parse_qs, urlencode, urlsplit

import segno
from markupsafe import Markup

from schemas.rules.evidence import unb64

SCHEME = "jingtu"


def fingerprint(server_key: str) -> str:
    """Of a public key (base64url of 32 bytes): the first 16 bytes of its SHA-256, in hex."""
    return sha256(unb64(server_key)).hexdigest()[:32]


def enrol_uri(server: str, code: str, server_key: str) -> str:
    return f"{SCHEME}://enrol?" + urlencode({"server": server, "code": code, "key": fingerprint(server_key)})


def read_uri(text: str) -> dict[str, str]:
    """Back into its parts. Raises ValueError for anything else."""
    parts = urlsplit(text)
    found = {k: v[0] for k, v in parse_qs(parts.query, strict_parsing=True).items()}
    if (parts.scheme, parts.netloc) != (SCHEME, "enrol") or {"server", "code", "key"} - found.keys():
        raise ValueError(text)
    return found


def qr_svg(text: str, title: str) -> Markup:
    """Black on white in every theme, with the quiet zone a reader needs; sized by its class."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(border=4, omitsize=True, light="#fff", dark="#000", svgclass="qr", lineclass=None)
    return Markup('<svg role="img" aria-label="{}" ').format(title) + Markup(svg.removeprefix("<svg "))


def grouped(fingerprint: str) -> str:
    """In fours, to be compared by eye."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))
