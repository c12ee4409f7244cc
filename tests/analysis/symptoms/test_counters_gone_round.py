"""Counters of 32 bits that have gone round, clocks that were set: what does not fit together makes no share."""

from __future__ import annotations

import pytest

from tests.analysis.difference.series import Case, cases, reports


@pytest.mark.parametrize("case", cases("odd"), ids=str)
def test_no_finding_and_no_share_is_made_of_a_counter_that_went_round(case: Case) -> None:
    """Those of processors and a thread are near 2^32 in the first dump; before the second the clock is set back."""
    for report in reports(case):
        assert report.symptoms is not None
        assert report.symptoms.findings == ()
        shares = [each.percent for each in report.symptoms.processors.top_threads]
        shares += [each.idle_percent for each in report.symptoms.processors.processors]
        assert all(share is None or share <= 100 for share in shares)
