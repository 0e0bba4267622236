"""Sessions, keys for programs, invitations, the audit log."""

from __future__ import annotations

from sync_server.store import Sought, Tx

AT = "2026-11-21T10:00:00.000+00:00"


def work(tx: Tx) -> None:
    for n, person in enumerate(("甲", "甲", "乙")):
        tx.add_session(f"h_{n}%", person, "xu", 1000 + n, 2**41 + n, "10.0.0.7", "Mozilla")
        tx.add_refresh(f"r{n}", f"f{n % 2}", person, 2**41)
    tx.add_account("甲", "账号甲", "x")
    tx.add_account("乙", "账号乙", "x")
    tx.account_seen("甲", 2**41)
    tx.set_username("乙", "账号丙")
    tx.accounts_of(["甲", "乙", "丙"])
    tx.accounts_of([])
    for now in (0, 2**41 + 1):
        tx.sessions_of("甲", now)
        tx.families_of("甲", now)
    for only in ("h_", "h%", "h_1%"):  # signs of LIKE mean themselves
        tx.drop_sessions("甲", "h_0%", only)
    tx.drop_sessions("乙")
    tx.drop_families("甲")
    for n in range(3):
        tx.add_api_key(id=f"k{n}", hash=f"kh{n}", person="甲", name="一张图", made_at=2**41 + n, expires_at=2**42)
    tx.api_key("kh1")
    tx.api_key("no")
    tx.api_key_used("k1", 2**41)
    tx.revoke_api_keys(2**41, "甲", "k0")
    tx.revoke_api_keys(2**41, "甲", "k0")
    tx.api_keys("甲")
    tx.revoke_api_keys(2**41)
    tx.api_keys("甲")
    for n, until in enumerate((10, 2**42, 2**42)):
        tx.add_invitation(
            hash=f"i{n}",
            person="甲",
            use="invite",
            username=None,
            made_by="乙",
            made_at=n,
            expires_at=until,
            owner=None,
        )
    tx.invitation("i1")
    tx.invitation("no")
    tx.open_invitations(5)
    tx.open_invitations(50, ["甲"])
    tx.open_invitations(50, [])
    for hash, at in (("i0", 10), ("i0", 9), ("i1", 50), ("i1", 50)):
        tx.use_invitation(hash, at)
    tx.withdraw_invitations(60, "甲")
    tx.withdraw_invitations(60)
    tx.open_invitations(5)
    tx.last_lines(["e1", "e2", "no"])
    tx.last_lines([])
    for n in range(4):
        tx.note(AT, "甲", "Grant" if n else "sign_in", f"p{n}", owner="项目" if n % 2 else None, why="50%_找ABC", n=n)
    for sought in (
        Sought(), Sought(owner="项目"), Sought(by=["甲"]), Sought(by=[]), Sought(actions=["Grant"]), Sought(actions=[]),
        Sought(since=AT), Sought(until=AT), Sought(words="找abc"), Sought(words="50%_"), Sought(words="5_%"),
        Sought(words="nothing", about=["p1", "甲"]), Sought(words="甲"),
    ):  # fmt: skip
        tx.log_page(sought, None, 3)
    newest = tx.log_page(Sought(), None, 1)[0].n
    for n, down in ((newest, True), (newest - 3, False), (newest, False), (0, True)):
        tx.log_page(Sought(), n, 2, down)
    tx.log_actions()
    for about in (["p1", "甲", "乙"], ["nobody's"], []):
        tx.notes_about(about, ("grant", "withdraw", "write"))
    tx.log_actions("项目")
