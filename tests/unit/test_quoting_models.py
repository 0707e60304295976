"""Quoting models of installed packages."""

from importlib.metadata import EntryPoint

import pytest
from tests.support import wild_model

from market_maker.core.pricing.models import registry
from market_maker.core.pricing.models.linear_skew import KIND
from market_maker.quoting_models import GROUP, ModelLoadError, load_installed_models


def entry(value: str) -> EntryPoint:
    return EntryPoint("mine", value, GROUP)


def test_an_installed_model_can_be_chosen() -> None:
    try:
        assert load_installed_models([entry("tests.support.wild_model:KIND")]) == ("wild",)
        assert registry.model_kind("wild") is wild_model.KIND
    finally:
        vars(registry)["_KINDS"].pop("wild")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no.such.package:KIND", "cannot be imported: ModuleNotFoundError"),
        ("tests.support.wild_model:NOTHING", "cannot be imported: AttributeError"),
        ("tests.support.wild_model:NAME", "is no ModelKind but str"),
        ("market_maker.core.pricing.models.linear_skew:KIND", "there is a model 'linear_skew' already"),
    ],
)
def test_a_broken_one_is_one_error_that_names_it(value: str, reason: str) -> None:
    with pytest.raises(ModelLoadError, match=f"quoting model 'mine' .*{reason}"):
        load_installed_models([entry(value)])
    assert registry.model_kind("linear_skew") is KIND
