"""Which dumps of a folder are of one boot, and in which order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from livedump.report.dump_row import DumpRow, dump_row
from livedump.report.series import find_series
from tests.report.reports import failed, hostile_report

BOOTED = datetime(2026, 5, 12, 20, 38, 10, tzinfo=timezone.utc)


def dumped(
    seconds: float | None, boot_id: int | None = 7, boot_time: datetime | None = BOOTED, **more: object
) -> DumpRow:
    row = dump_row(hostile_report(f"dump-{seconds}"))
    return row._replace(boot_id=boot_id, boot_time=boot_time, since_boot_seconds=seconds, **more)  # type: ignore[arg-type]


def test_dumps_of_one_boot_stand_in_the_order_of_the_interrupt_time() -> None:
    later, earlier = dumped(900), dumped(600, captured_at=BOOTED + timedelta(days=9))
    assert find_series([later, dump_row(failed()), earlier]) == [((2,), (0,))]


def test_another_boot_is_no_part_of_it() -> None:
    base = "0xfffff80000000000"
    others = [{"boot_id": 8}, {"boot_time": BOOTED + timedelta(days=1)}, {"kernel_base": base}, {"processors": 2}]
    rows = [dumped(600), *(dumped(700, **other) for other in others), dumped(900)]  # type: ignore[arg-type]
    assert find_series(rows) == [((0,), (5,))]


def test_copies_of_a_dump_are_one_instant() -> None:
    assert find_series([dumped(600), dumped(900), dumped(600)]) == [((0, 2), (1,))]
    assert find_series([dumped(600), dumped(600)]) == []


def test_what_is_not_known_is_no_reason_to_put_dumps_together() -> None:
    assert find_series([dumped(None), dumped(None)]) == []
    assert find_series([dumped(600, None, None), dumped(900, None, None)]) == []
    assert find_series([dumped(600, kernel_base=None), dumped(900, kernel_base=None)]) == []


def test_the_number_of_the_boot_is_enough_where_its_time_is_not_known() -> None:
    assert find_series([dumped(600, boot_time=None), dumped(900, boot_time=None)]) == [((0,), (1,))]


def test_two_series_stand_side_by_side() -> None:
    rows = [dumped(600, 8), dumped(600, 7), dumped(900, 7), dumped(700, 8)]
    assert find_series(rows) == [((0,), (3,)), ((1,), (2,))]
