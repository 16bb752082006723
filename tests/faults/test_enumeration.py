"""Nothing lost, nothing doubled in silence: under every single fault, and under pairs of them.

`make test` strikes every boundary alone and draws pairs; `make faults` (FAULTS=all) strikes all.
"""

import os

import pytest

from tests.faults.conftest import Publish
from tests.faults.enumeration import BATCH, Counts, all_pairs, cases, pairs, singles
from tests.faults.scenarios import Case

EVERYTHING = os.environ.get("FAULTS") == "all"
PAIRS_OF_ONE = 430
PAIRS_OF_A_BATCH = 20

pytestmark = pytest.mark.timeout(0 if EVERYTHING else 180)


def _all_of(case: Case) -> str:
    return str(case)


@pytest.mark.parametrize("case", cases(1), ids=_all_of)
def test_one_mail_under_one_fault(case: Case, publish: Publish) -> None:
    counts = Counts()
    for plan in singles(case, thorough=EVERYTHING):
        counts.add(case, plan)
    publish("one mail, one fault", counts)
    counts.check(case)


@pytest.mark.parametrize("case", cases(BATCH), ids=_all_of)
def test_a_batch_under_one_fault(case: Case, publish: Publish) -> None:
    counts = Counts()
    for plan in singles(case, thorough=EVERYTHING):
        counts.add(case, plan)
    publish("a batch of 10, one fault", counts)
    counts.check(case)


# In step is the dearest: each way under one policy, in turn, unless all are asked for.
@pytest.mark.parametrize(
    "case",
    [
        case
        for number, case in enumerate(cases(BATCH, lockstep=True))
        if EVERYTHING or number % 2 == number // 2 % 2
    ],
    ids=_all_of,
)
def test_a_batch_in_step_under_one_fault(case: Case, publish: Publish) -> None:
    counts = Counts()
    for plan in singles(case, thorough=EVERYTHING):
        counts.add(case, plan)
    publish("a batch of 10 in step, one fault", counts)
    counts.check(case)


@pytest.mark.parametrize("case", cases(1), ids=_all_of)
def test_one_mail_under_two_faults(case: Case, publish: Publish) -> None:
    counts = Counts()
    for plan in all_pairs(case) if EVERYTHING else pairs(case, PAIRS_OF_ONE, seed=1):
        counts.add(case, plan)
    publish("one mail, two faults", counts)
    counts.check(case)


@pytest.mark.parametrize("case", cases(BATCH), ids=_all_of)
def test_a_batch_under_two_faults(case: Case, publish: Publish) -> None:
    counts = Counts()
    for plan in pairs(case, 200 * PAIRS_OF_A_BATCH if EVERYTHING else PAIRS_OF_A_BATCH, seed=2):
        counts.add(case, plan)
    publish("a batch of 10, two faults", counts)
    counts.check(case)


def test_without_faults_every_way_ends_with_each_mail_sent_once() -> None:
    for case in [*cases(1), *cases(BATCH), *cases(BATCH, lockstep=True)]:
        world = case.run()
        taken = [len(taken) for taken in world.taqnyat.accepted.values()]
        assert len(taken) == (0 if case.way == "canceled" else case.mails), str(case)
        if case.way not in {"doubtful", "bulk"}:  # those were accepted at first already
            assert set(taken) <= {1}, str(case)
