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
    text,
)

meta = MetaData()
# On SQLite only INTEGER PRIMARY KEY counts by itself
Name = String().with_variant(String(collation="C"), "postgresql")  # orders by code point, as SQLite does
Big = BigInteger().with_variant(Integer, "sqlite")

setting = Table("setting", meta, Column("key", Name, primary_key=True), Column("value", Text, nullable=False))

scope = Table(
    "scope", meta,
    Column("id", Name, primary_key=True),
    Column("owner", Name, nullable=False),
    Column("audience", Name, nullable=False),
    Column("seq", Big, nullable=False, default=0),
    Column("digest", Name, nullable=False),
)  # fmt: skip

chain = Table(
    "chain", meta,
    Column("enrolment", Name, primary_key=True),
    Column("scope", Name, primary_key=True),
    Column("pos", Big, nullable=False),
    Column("head", LargeBinary, nullable=False),
)  # fmt: skip

journal = Table(
    "journal", meta,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("scope", Name, nullable=False),
    Column("enrolment", Name, nullable=False),
    Column("pos", Big, nullable=False),
    Column("id", Name, nullable=False, unique=True),
    Column("type", Name, nullable=False),
    Column("record", Name, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Column("proof", Name, nullable=False),  # proven, unproven (the chain broke here), server (made on the server)
    Column("outcome", Name, nullable=False),
    Column("seq", Big),
    Column("problem", Integer),
    Column("detail", Text),  # JSON: zh, en, missing, conflicts
    Column("received_at", Name, nullable=False),
    UniqueConstraint("enrolment", "scope", "pos"),
    Index("journal_record", "record"),
    Index("journal_seq", "scope", "seq"),
    Index("journal_parked", "scope", sqlite_where=text("outcome='parked'"), postgresql_where=text("outcome='parked'")),
    Index("journal_unproven", "scope", sqlite_where=text("proof='unproven'"), postgresql_where=text("proof='unproven'")),
)  # fmt: skip

waiting = Table(
    "waiting", meta,
    Column("id", Name, primary_key=True),  # the parked change
    Column("missing", Name, primary_key=True),  # "type:id" it waits for
    Column("scope", Name, nullable=False),
    Index("waiting_missing", "missing"),
)  # fmt: skip

record_type = Table(
    "record_type", meta,
    Column("id", Name, primary_key=True),  # of a record: which type and scope it is, to answer references fast
    Column("type", Name, nullable=False),
    Column("scope", Name, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

fork = Table(
    "fork", meta,  # the other head of a cloned device: kept, never applied by itself
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("enrolment", Name, nullable=False),
    Column("scope", Name, nullable=False),
    Column("pos", Big, nullable=False),
    Column("id", Name, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("received_at", Name, nullable=False),
    Column("claim", Text),  # the head of the push: the device's own signature over this chain; null where none was kept
    UniqueConstraint("enrolment", "scope", "pos", "id"),
)  # fmt: skip

account = Table(
    "account", meta,
    Column("person", Name, primary_key=True),  # the id of its person record
    Column("username", Name, nullable=False, unique=True),
    Column("password", Name, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("seen_at", Big),  # the last page he or she asked for
)  # fmt: skip

membership = Table(
    "membership", meta,
    Column("person", Name, primary_key=True),
    Column("owner", Name, primary_key=True),  # a project's or organisation's record id
    Column("role", Name, primary_key=True),
)  # fmt: skip

refresh = Table(
    "refresh", meta,
    Column("hash", Name, primary_key=True),
    Column("family", Name, nullable=False, index=True),
    Column("person", Name, nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("used", Boolean, nullable=False, default=False),
)  # fmt: skip

code = Table(
    "enrol_code", meta,
    Column("hash", Name, primary_key=True),
    Column("person", Name, nullable=False),
    Column("use", Name, nullable=False),
    Column("made_by", Name, nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("used_by", Name),
)  # fmt: skip

device_key = Table(
    "device_key", meta,
    Column("enrolment", Name, primary_key=True),
    Column("device", Name, nullable=False),
    Column("device_code", Name, nullable=False),
    Column("person", Name, nullable=False),
    Column("public_key", Name, nullable=False, unique=True),
    Column("salt_key", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("last_seen", Name),
    Column("pending", Big),
    Column("app_version", Name),
)  # fmt: skip

block = Table(
    "number_range", meta,  # how far numbers of one use are handed out
    Column("use", Name, primary_key=True),
    Column("next_no", Big, nullable=False),
)  # fmt: skip

receipt = Table(
    "receipt", meta,
    Column("id", Name, primary_key=True),
    Column("scope", Name, nullable=False),
    Column("enrolment", Name, nullable=False),
    Column("text", Text, nullable=False),
    Column("signature", Name, nullable=False),
    Column("claim", Text, nullable=False),  # the head of the push: the device's own signature over its chain
)  # fmt: skip

web_session = Table(
    "web_session", meta,
    Column("hash", Name, primary_key=True),  # of the cookie; the cookie itself is nowhere
    Column("person", Name, nullable=False),
    Column("username", Name, nullable=False),
    Column("seen_at", Big, nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("began_at", Big),
    Column("place", Name),  # the network address of the sign-in
    Column("agent", Name),  # what the browser says of itself, bounded
)  # fmt: skip

throttle = Table(
    "throttle", meta,
    Column("key", Name, primary_key=True),
    Column("free_at", Big, nullable=False),  # when the bucket is full again
)  # fmt: skip

seen_assertion = Table(
    "seen_assertion", meta, Column("jti", Name, primary_key=True), Column("expires_at", Big, nullable=False)
)  # fmt: skip

decision = Table(
    "decision", meta,  # of the project manager, about a change parked for a right or from a revoked device
    Column("id", Name, primary_key=True),  # the change
    Column("accepted", Boolean, nullable=False),
    Column("by", Name, nullable=False),
    Column("at", Name, nullable=False),
    Column("reason", Text, nullable=False),
)  # fmt: skip

epoch = Table(
    "epoch", meta,  # one row for each time the data became another: made, or restored from a backup
    Column("id", Name, primary_key=True),
    Column("began_at", Name, nullable=False),
    Column("previous", Name),  # the epoch of the backup; null for the first
    Column("heads", Text, nullable=False),  # JSON: scope → seq this epoch began with
)  # fmt: skip

seen_row = Table(
    "seen_row", meta,  # rows that tablets had pulled and the restored backup does not explain
    Column("scope", Name, primary_key=True),
    Column("record", Name, primary_key=True),
    Column("epoch", Name, primary_key=True),  # in which the tablet had pulled it: seq of two epochs say nothing of each other
    Column("type", Name, nullable=False),
    Column("seq", Big, nullable=False),
    Column("line", LargeBinary, nullable=False),  # the row line as pulled
    Column("enrolment", Name, nullable=False),
    Column("received_at", Name, nullable=False),
    Column("settled_at", Name),  # a person decided; it stays, so that the next tablet with the same row does not ask again
)  # fmt: skip

audit = Table(
    "audit", meta,  # what people did on the server beside writing records; only ever added to
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("at", Name, nullable=False),
    Column("by", Name, nullable=False),  # a person's id, or who ran the command
    Column("action", Name, nullable=False),
    Column("about", Name, nullable=False),  # id of the project, person, enrolment, change … it was done to
    Column("detail", Text),  # JSON
    Column("owner", Name),  # the project (or organisation) it concerns; null: the installation, a person
    Index("audit_about", "about"),
    Index("audit_owner", "owner", "n"),
)  # fmt: skip

blob = Table(
    "blob", meta,  # a file that is here, whole; its bytes lie in the data folder under the same hash
    Column("sha256", Name, primary_key=True),
    Column("size", Big, nullable=False),
    Column("kind", Name, nullable=False),  # jpg, png, webp, other
    Column("name", Name, nullable=False),  # as the first who sent it named it
    Column("received_at", Name, nullable=False),
    Column("exif", Text),  # JSON of what the file says of itself; null: not read yet
)  # fmt: skip

blob_source = Table(
    "blob_source", meta,  # who sent a file, for which scope: who else may see it follows from that
    Column("sha256", Name, primary_key=True),
    Column("scope", Name, primary_key=True),
    Column("person", Name, primary_key=True),
    Column("enrolment", Name),  # null: sent with a person's own sign-in
    Column("name", Name, nullable=False),
    Column("received_at", Name, nullable=False),
    Index("blob_source_scope", "scope", "sha256"),
)  # fmt: skip

upload = Table(
    "upload", meta,  # a file on its way; what came of it lies in the data folder under the same id
    Column("id", Name, primary_key=True),
    Column("sha256", Name, nullable=False),  # as announced
    Column("size", Big, nullable=False),
    Column("stands_at", Big, nullable=False),  # bytes that are on the disk
    Column("name", Name, nullable=False),
    Column("scope", Name, nullable=False),
    Column("person", Name, nullable=False),
    Column("enrolment", Name),
    Column("expires_at", Big, nullable=False),
    Column("metadata", Text, nullable=False),  # as its sender wrote it: whoever asks how far it is gets it back
    Index("upload_person", "person"),
)  # fmt: skip

api_key = Table(
    "api_key", meta,  # of a person, for a program that reads in his or her name
    Column("id", Name, primary_key=True),
    Column("hash", Name, nullable=False, unique=True),  # of the key; the key itself is nowhere
    Column("person", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("made_at", Big, nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("used_at", Big),  # the last time, to the minute
    Column("revoked_at", Big),
    Index("api_key_person", "person"),
)  # fmt: skip

invitation = Table(
    "invitation", meta,  # a link with which a person chooses user name and password, once
    Column("hash", Name, primary_key=True),  # of the code in the link; the code itself is nowhere
    Column("person", Name, nullable=False),
    Column("use", Name, nullable=False),  # invite: first user name and password; reset: another password
    Column("username", Name),  # as proposed by who invited
    Column("made_by", Name, nullable=False),
    Column("made_at", Big, nullable=False),
    Column("expires_at", Big, nullable=False),
    Column("owner", Name),  # the project he or she is invited to
    Column("used_at", Big),
    Column("withdrawn_at", Big),
    Index("invitation_person", "person"),
)  # fmt: skip

plan_draft = Table(
    "plan_draft", meta,  # a file or edits a person looks at before they become a new version of a plan; gone after a day
    Column("person", Name, primary_key=True),
    Column("project", Name, primary_key=True),
    Column("kind", Name, primary_key=True),  # file, edits: at most one of each, so that nobody fills the disk
    Column("id", Name, nullable=False),  # another whenever its contents are
    Column("name", Name, nullable=False),  # of the file
    Column("content", LargeBinary),  # the file
    Column("options", Text, nullable=False),  # JSON
    Column("at", Name, nullable=False),
    Column("expires_at", Big, nullable=False),
)  # fmt: skip

kept_draft = Table(
    "kept_draft", meta,  # a long check that is not signed yet, kept for who writes it and nobody else
    Column("person", Name, primary_key=True),
    Column("record", Name, primary_key=True),
    Column("type", Name, nullable=False),
    Column("scope", Name, nullable=False),
    Column("version", Big, nullable=False),  # rises with every time it is kept
    Column("at", Name, nullable=False),
    Column("device", Name, nullable=False),  # code of the tablet it came from
    Column("size", Big, nullable=False),
    Column("sha256", Name, nullable=False),
    Column("title", Name, nullable=False),
    Column("done", Big, nullable=False),  # items answered
    Column("total", Big, nullable=False),  # items of its list
    Column("photos", Big, nullable=False),
    Column("content", LargeBinary, nullable=False),  # JSON, as the tablet wrote it
)  # fmt: skip

export_job = Table(
    "export_job", meta,  # a file somebody asked for, made beside the work
    Column("id", Name, primary_key=True),
    Column("project", Name, nullable=False),
    Column("person", Name, nullable=False),
    Column("wish", Text, nullable=False),  # JSON
    Column("name", Name, nullable=False),  # of the file, for whoever fetches it
    Column("state", Name, nullable=False),  # waiting, running, done, failed, cancelled, interrupted, removed
    Column("runner", Name),  # the process that makes it
    Column("scopes", Text),  # JSON list: whose records it holds
    Column("done", Big, nullable=False),  # rows so far
    Column("total", Big),  # rows expected
    Column("size", Big),
    Column("sha256", Name),
    Column("counts", Text),  # JSON
    Column("problem", Integer),
    Column("words", Text),  # JSON
    Column("made_at", Name, nullable=False),
    Column("ended_at", Name),
    Column("expires_at", Big),
    Index("export_job_person", "person", "project", "made_at"),
    Index("export_job_state", "state"),
)  # fmt: skip
