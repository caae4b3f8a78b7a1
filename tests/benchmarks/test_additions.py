from __future__ import annotations

from pathlib import Path

from benchmarks.additions import FORMS, Additions, fragment_of
from benchmarks.questions import Question
from facets_svc.catalogue import TAGS
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.query import FacetQuery
from tests.catalogues import model, publish


def test_the_forms_of_a_question_agree_and_each_is_timed_as_often(tmp_path: Path) -> None:
    rows = [model(1, tags=["Éclair", "b"], downloads=1), model(2, tags=["Éclair"]), model(3, tags=["écl"])]
    question = Question("a tag", (FacetQuery.of("acme", selected={TAGS: ["Éclair"]}, limit=10),))
    engine = open_engine(publish(rows, tmp_path), threads=1, memory_limit="256MiB")
    fragment = fragment_of([question])
    models, times = Additions(engine, rounds=3, budget_seconds=60).run(question, fragment)
    engine.close()

    assert (fragment, models) == ("ecl", 2)
    assert {form: len(taken.milliseconds) for form, taken in times.items()} == dict.fromkeys(FORMS, 3)
