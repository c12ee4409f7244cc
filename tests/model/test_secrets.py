"""Passwords in addresses, wherever in a text they stand."""

from __future__ import annotations

import pytest

from livedump.model.secrets import without_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pass@host/x.dmp", "https://***@host/x.dmp"),
        ("https://token@host:8443/x", "https://***@host:8443/x"),
        ("ftp://user:p@ss@host/x", "ftp://***@host/x"),
        ("srv*C:\\sym*https://u:p@one/s;srv*https://u:q@two/s", "srv*C:\\sym*https://***@one/s;srv*https://***@two/s"),
        ("cannot read 'https://u:p@h/a': gone", "cannot read 'https://***@h/a': gone"),
        ("zip://a.dmp::https://u:p@h/a.zip", "zip://a.dmp::https://***@h/a.zip"),
        ("https://h/c/x.dmp?sv=2020&sig=abc%2Fd&se=1", "https://h/c/x.dmp?sv=2020&sig=***&se=1"),
        ("https://h/x?X-Amz-Credential=k&X-Amz-Signature=s", "https://h/x?X-Amz-Credential=***&X-Amz-Signature=***"),
        ("https://h/x?access_token=t#part", "https://h/x?access_token=***#part"),
    ],
)
def test_passwords_and_signatures_are_written_as_stars(text: str, expected: str) -> None:
    assert without_secrets(text) == expected
    assert without_secrets(expected) == expected


@pytest.mark.parametrize(
    "text", ["https://host/user@example", "https://host/x?id=5", "C:\\dumps\\a@b.dmp", "//u:p@h", "mail a@b", ""]
)
def test_what_holds_none_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text
