"""The mutants of the seal in short: one of each kind, and the control that changes nothing."""

import pytest

from tests.isolation.mutants import CODE_MUTANTS, SCHEMA_MUTANTS
from tests.reliability.mutations import ALL_KILLED, NOTHING_ELSE, mutations
from tests.reliability.sites import Site

ALL_KINDS = {
    *("policies", "FORCE", "WITH CHECK", "floors", "grants", "roles", "foreign keys"),
    *("unique constraints", "indexes", "views", "definer functions", "partitions", "publications"),
    *("the binding hook", "the generator", "the predicate", "cache keys", "idempotency keys"),
    "cursors",
}

# The last of each kind; roles are everybody's on this server, so that other tests would meet them.
ONE_OF_A_KIND = {each.kind: name for name, each in SCHEMA_MUTANTS.items() if not each.undo}
IN_SHORT = {name: SCHEMA_MUTANTS[name] for name in ONE_OF_A_KIND.values()}
QUICK = {"an Idempotency-Key is everybody's": CODE_MUTANTS["an Idempotency-Key is everybody's"]}


class TestMutants:
    def test_are_of_every_kind(self):
        assert len(SCHEMA_MUTANTS) + len(CODE_MUTANTS) >= 40
        kinds = {each.kind for each in SCHEMA_MUTANTS.values()}
        assert kinds | {each.kind for each in CODE_MUTANTS.values()} == ALL_KINDS

    async def test_are_noticed(self, site: Site):
        outcome = await mutations(site, schema=IN_SHORT, code=QUICK)
        assert outcome.broken == [], outcome.figures

    async def test_are_needed_to_notice_anything(self, site: Site):
        outcome = await mutations(
            site, schema=dict([*IN_SHORT.items()][:2]), code={}, mutated=False
        )
        assert outcome.broken == [ALL_KILLED], outcome.figures
        assert outcome.promises[NOTHING_ELSE]

    @pytest.mark.parametrize("name", CODE_MUTANTS)
    def test_fit_the_source(self, name: str):
        from tests.isolation.killing import ROOT

        mutant = CODE_MUTANTS[name]
        assert (ROOT / "src" / mutant.file).read_text().count(mutant.old) == 1
        assert (ROOT / mutant.tests.partition("::")[0]).is_file()
