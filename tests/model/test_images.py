"""The debugger's names of images."""

from __future__ import annotations

import pytest

from livedump.model.images import module_name


@pytest.mark.parametrize(
    ("image_name", "name"),
    [
        # lm of dbgeng 10.0.15063 on made-up dumps
        ("ntoskrnl.exe", "nt"),
        ("ntkrnlmp.exe", "nt"),
        ("hal.dll", "hal"),
        ("my-driver.sys", "my_driver"),
        ("foo bar.sys", "foo_bar"),
        ("a.b.c.sys", "a_b_c"),
        ("\u0444oo.sys", "_oo"),
        ("\u202egpj.sys", "_gpj"),
        ("noext", "noext"),
        ("$dol-@.sys", "_dol__"),
        ("1num.sys", "1num"),
    ],
)
def test_names_can_stand_in_an_expression(image_name: str, name: str) -> None:
    assert module_name(image_name) == name
