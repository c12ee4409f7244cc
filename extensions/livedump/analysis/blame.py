"""The driver to which a dump points. It asked or stands first on the stack: whether it is at fault nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from livedump.kernel.kernel import describe_module
from livedump.model.bug_check import BugCheck
from livedump.model.frames import Frame
from livedump.model.images import Module
from livedump.reference.driver_parameters import NOT_DRIVERS, driver_parameter

if TYPE_CHECKING:
    from livedump.model.engine import Engine


def blamed_driver(
    engine: Engine, reporter: Frame | None, check: BugCheck | None, modules: Iterable[Module]
) -> Module | None:
    """That of the reporter, else that into which a parameter of the bug check points, with its version."""
    known = tuple(modules)
    name = reporter.module.lower() if reporter and reporter.module else None
    driver = None if name in NOT_DRIVERS else next((each for each in known if each.name.lower() == name), None)
    number = driver_parameter(check.base_code) if check else None
    if driver is None and check and number is not None:
        driver = driver_at(known, check.parameters[number - 1])
    return describe_module(engine, driver) if driver and not driver.user else None


def driver_at(modules: Iterable[Module], address: int | None) -> Module | None:
    """The driver in which an address lies; the kernel is none."""
    if address is None:
        return None
    found = next((each for each in modules if each.base <= address < each.end and not each.user), None)
    return None if found is None or found.name.lower() in NOT_DRIVERS else found
