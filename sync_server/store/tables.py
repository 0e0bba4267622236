"""The server's own tables, beside those of the record types. Names avoid words PostgreSQL keeps for itself."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

meta = MetaData()
# On SQLite only INTEGER PRIMARY KEY counts by itself
Big = BigInteger().with_variant(Integer, "sqlite")

setting = Table("setting", meta, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

scope = Table(
    "scope", meta,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("seq", Big, nullable=False, default=0),
    Column("digest", String, nullable=False),
)  # fmt: skip

chain = Table(
    "chain", meta,
    Column("enrolment", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("pos", Big, nullable=False),
    Column("head", LargeBinary, nullable=False),
)  # fmt: skip

journal = Table(
    "journal", meta,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("scope", String, nullable=False),
    Column("enrolment", String, nullable=False),
    Column("pos", Big, nullable=False),
    Column("id", String, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("record", String, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Column("proof", String, nullable=False),  # proven, unproven (the chain broke here), server (made on the server)
    Column("outcome", String, nullable=False),
    Column("seq", Big),
    Column("problem", Integer),
    Column("detail", Text),  # JSON: zh, en, missing, conflicts
    Column("received_at", String, nullable=False),
    UniqueConstraint("enrolment", "scope", "pos"),
    Index("journal_record", "record"),
    Index("journal_outcome", "scope", "outcome"),
)  # fmt: skip

waiting = Table(
    "waiting", meta,
    Column("id", String, primary_key=True),  # the parked change
    Column("missing", String, primary_key=True),  # "type:id" it waits for
    Column("scope", String, nullable=False),
    Index("waiting_missing", "missing"),
)  # fmt: skip

record_type = Table(
    "record_type", meta,
    Column("id", String, primary_key=True),  # of a record: which type and scope it is, to answer references fast
    Column("type", String, nullable=False),
    Column("scope", String, nullable=False),
)  # fmt: skip

fork = Table(
    "fork", meta,  # the other head of a cloned device: kept, never applied by itself
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("enrolment", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("pos", Big, nullable=False),
    Column("id", String, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("received_at", String, nullable=False),
    UniqueConstraint("enrolment", "scope", "pos", "id"),
)  # fmt: skip

account = Table(
    "account", meta,
    Column("person", String, primary_key=True),  # the id of its person record
    Column("username", String, nullable=False, unique=True),
    Column("password", String, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
)  # fmt: skip

membership = Table(
    "membership", meta,
    Column("person", String, primary_key=True),
    Column("owner", String, primary_key=True),  # a project's or organisation's record id
    Column("role", String, primary_key=True),
)  # fmt: skip

refresh = Table(
    "refresh", meta,
    Column("hash", String, primary_key=True),
    Column("family", String, nullable=False, index=True),
    Column("person", String, nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("used", Boolean, nullable=False, default=False),
)  # fmt: skip

code = Table(
    "enrol_code", meta,
    Column("hash", String, primary_key=True),
    Column("person", String, nullable=False),
    Column("use", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("used_by", String),
)  # fmt: skip

device_key = Table(
    "device_key", meta,
    Column("enrolment", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("device_code", String, nullable=False),
    Column("person", String, nullable=False),
    Column("public_key", String, nullable=False, unique=True),
    Column("salt_key", String, nullable=False),
    Column("state", String, nullable=False),
    Column("last_seen", String),
    Column("pending", Integer),
    Column("app_version", String),
)  # fmt: skip

block = Table(
    "number_range", meta,  # how far numbers of one use are handed out
    Column("use", String, primary_key=True),
    Column("next_no", Big, nullable=False),
)  # fmt: skip

receipt = Table(
    "receipt", meta,
    Column("id", String, primary_key=True),
    Column("scope", String, nullable=False),
    Column("enrolment", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("signature", String, nullable=False),
    Column("claim", Text, nullable=False),  # the head of the push: the device's own signature over its chain
)  # fmt: skip

web_session = Table(
    "web_session", meta,
    Column("hash", String, primary_key=True),  # of the cookie; the cookie itself is nowhere
    Column("person", String, nullable=False),
    Column("username", String, nullable=False),
    Column("seen_at", Big, nullable=False),
    Column("expires_at", Big, nullable=False),
)  # fmt: skip

throttle = Table(
    "throttle", meta,
    Column("key", String, primary_key=True),
    Column("free_at", Big, nullable=False),  # when the bucket is full again
)  # fmt: skip

seen_assertion = Table(
    "seen_assertion", meta, Column("jti", String, primary_key=True), Column("expires_at", Big, nullable=False)
)  # fmt: skip
