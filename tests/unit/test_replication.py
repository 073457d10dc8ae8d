"""How far behind a standby is, which servers count as one, and what DSNs of several servers mean."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidRequestError
from app.domain.replication import PrimaryTrack, ServerPosition, format_position, parse_position
from app.storage.hosts import primary_of, split_hosts

PRIMARY = ServerPosition(
    in_recovery=False, position=100, timeline=1, system_identifier=7, started=datetime(2026, 1, 1, tzinfo=UTC)
)
STANDBY = replace(PRIMARY, in_recovery=True, started=datetime(2026, 1, 2, tzinfo=UTC))


def track(*places: tuple[float, int]) -> PrimaryTrack:
    found = PrimaryTrack()
    for at, position in places:
        found.note(replace(PRIMARY, position=position), at)
    return found


def test_a_standby_is_behind_since_the_primary_was_first_ahead_of_it() -> None:
    primary = track((0.0, 100), (1.0, 200), (2.0, 200), (3.0, 300))
    assert primary.lag(300, at=10.0) == 0.0
    assert primary.lag(250, at=10.0) == 7.0
    assert primary.lag(199, at=10.0) == 9.0
    assert primary.lag(0, at=10.0) == 10.0


def test_nobody_lags_behind_a_quiet_primary() -> None:
    assert track((0.0, 100), *((float(at), 100) for at in range(1, 500))).lag(100, at=500.0) == 0.0


def test_a_new_primary_begins_anew() -> None:
    primary = track((0.0, 100), (1.0, 900))
    primary.note(replace(PRIMARY, timeline=2, position=500), 2.0)
    assert primary.lag(500, at=9.0) == 0.0
    assert primary.lag(499, at=9.0) == 7.0


@pytest.mark.parametrize(
    ("server", "objection"),
    [
        (STANDBY, None),
        (replace(STANDBY, timeline=None), None),
        (replace(STANDBY, timeline=2), "another timeline"),
        (replace(STANDBY, system_identifier=8), "another cluster"),
        (PRIMARY, None),
        (replace(PRIMARY, started=STANDBY.started), "a primary of its own"),
    ],
)
def test_only_servers_of_the_primary_count(server: ServerPosition, objection: str | None) -> None:
    assert track((0.0, 100)).objection(server) == objection
    assert PrimaryTrack().objection(server) is None


@given(st.integers(0, 2**64 - 1))
def test_positions_are_written_as_postgresql_does(position: int) -> None:
    assert parse_position(format_position(position), "X-Read-After") == position


@pytest.mark.parametrize("text", ["", "0", "0/", "/0", "g/1", "0/123456789", "0/1 "])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_position(text, "X-Read-After")


def test_a_dsn_of_several_servers() -> None:
    dsn = "postgresql://u:p%40w@a:1,b,[::1]:3/d?sslmode=require"
    assert split_hosts(dsn) == [
        ("a:1", "postgresql://u:p%40w@a:1/d?sslmode=require"),
        ("b", "postgresql://u:p%40w@b/d?sslmode=require"),
        ("[::1]:3", "postgresql://u:p%40w@[::1]:3/d?sslmode=require"),
    ]


@pytest.mark.parametrize(
    ("dsn", "primary"),
    [
        ("postgresql://a/d", False),
        ("postgresql://a,b/d", True),
        ("postgresql://a,b/d?target_session_attrs=any", False),
        ("postgresql://a/d?target_session_attrs=read-write", True),
        ("postgresql://a,b/d?target_session_attrs=read-write", True),
        ("postgresql://a,b/d?target_session_attrs=standby", False),
    ],
)
def test_among_several_servers_the_primary_is_meant(dsn: str, primary: bool) -> None:  # noqa: FBT001  a parameter
    assert primary_of(dsn) == ({"target_session_attrs": "primary"} if primary else {})
