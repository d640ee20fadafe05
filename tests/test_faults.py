"""The fault matrix, every pair of fault, command and backend; the full product is in .ci/full."""

import pytest

from tests import faults

CASES = faults.pairwise()


@pytest.mark.parametrize("case", CASES, ids=[" / ".join(case) for case in CASES])
def test_whatever_goes_wrong_all_that_must_hold_holds(case, tmp_path, forker):
    outcome = faults.run(*case, tmp_path, forker)
    assert outcome.wrong == [], (outcome.code, outcome.out, outcome.err)


def test_every_pair_is_tried():
    tried = set().union(*map(faults.pairs, CASES))
    names, commands, backends = map(len, (faults.FAULTS, faults.COMMANDS, faults.BACKENDS))
    assert len(tried) == names * (commands + backends) + commands * backends
