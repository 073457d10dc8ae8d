"""Statements that have a form of their own for Citus keep their contract in it."""

import pytest

from app.storage.statements import SQL, Statement, all_statements, on_citus

NAMES = [str(path.relative_to(SQL / "citus").with_suffix("")) for path in sorted((SQL / "citus").rglob("*.sql"))]


@pytest.mark.parametrize("which", all_statements(), ids=lambda which: which.name)
def test_parameters_and_columns_are_the_same(which: Statement) -> None:
    form = on_citus(which)
    assert (form.name, form.parameters, form.columns) == (which.name, which.parameters, which.columns)


def test_each_form_stands_for_something() -> None:
    plain = {which.name for which in all_statements()} | {
        f"fragments/{path.stem}" for path in (SQL / "fragments").glob("*.sql")
    }
    assert [name for name in NAMES if name not in plain] == []


def test_most_statements_have_one_form() -> None:
    same = [which.name for which in all_statements() if on_citus(which).template == which.template]
    assert len(same) > 3 * (len(all_statements()) - len(same))


def test_a_shared_fragment_takes_its_form_along() -> None:
    by_name = {which.name: which for which in all_statements()}
    for name in ("search/semantic_ann", "search/nearest_ann"):
        assert "searched_with" in on_citus(by_name[name]).template
        assert "searched_with" not in by_name[name].template
