from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from tools.stages_picture import STEPS, draw, drawn_step, picture

STAGES = dict.fromkeys(STEPS, (100.0, 400.0)) | {"exchange_own": (50.0, 60.0)}
SVG = "{http://www.w3.org/2000/svg}"


def step(symbols: int, version: str, stages: dict[str, tuple[float, float]]) -> dict[str, Any]:
    return {
        "symbols": symbols,
        "version": version,
        "rate": 40.0,
        "stages_us": stages,
        "elsewhere_cpu": 0.05,
    }


MEASURED = {
    "machine": {"cores": 2},
    "at": "2026-11-21T23:40+00:00",
    "cells": [
        {"steps": [step(10, "old", {})]},
        {"steps": [step(10, "now", STAGES)]},
        {"steps": [step(200, "now", STAGES)]},
    ],
}


def test_medians_stand_one_after_the_other_and_percentiles_by_themselves() -> None:
    drawn = ElementTree.fromstring(picture(STAGES, "title", "note"))  # noqa: S314 -- our own text
    bars = [(float(bar.attrib["x"]), float(bar.attrib["width"])) for bar in drawn.iter(f"{SVG}rect")]
    medians, highs, own = bars[: len(STEPS)], bars[len(STEPS) : 2 * len(STEPS)], bars[-1]
    timer = medians.pop(list(STEPS).index("timer"))
    assert timer[0] == medians[0][0]
    for (x, width), (following, _) in pairwise(medians):
        assert abs(x + width - following) < 0.2
    assert len({x for x, _ in highs}) == 1
    exchange = medians[[name for name in STEPS if name != "timer"].index("exchange")]
    assert abs(own[0] - exchange[0]) < 0.2
    assert abs(own[1] * 2 - exchange[1]) < 0.2


def test_the_run_of_the_fewest_symbols_that_knows_its_stages_is_drawn() -> None:
    assert drawn_step(MEASURED) is MEASURED["cells"][1]["steps"][0]  # type: ignore[index] # of a mixed dict
    texts = [text.text or "" for text in ElementTree.fromstring(draw(MEASURED)).iter(f"{SVG}text")]  # noqa: S314 -- our own
    assert "median, one after the other: 700 us" in texts
    assert any(text.startswith("10 symbols, 40 changes a second each") for text in texts)


def test_a_stage_that_was_not_seen_is_left_out() -> None:
    stages = {name: times for name, times in STAGES.items() if name != "wait"}
    assert STEPS["wait"] not in picture(stages, "title", "note")
