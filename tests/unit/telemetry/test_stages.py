"""Where the time of a tick went, stage by stage."""

from market_maker.telemetry.stages import BATCHES_KEPT, STAGES, Stages, StageStep


def test_the_stages_of_a_placement_add_up_from_the_poll_to_its_answer() -> None:
    took: dict[str, int] = {}
    stages = Stages(took.__setitem__)
    stages.batch(1_000, 1_100, 1_150)
    stages.placed(StageStep(1_000, 1_200, 1_260), 1_000, left_ns=1_300, heard_ns=2_000)
    assert took == {
        "decode": 100,
        "hand_over": 50,
        "wait": 50,
        "decide": 60,
        "send": 40,
        "exchange": 700,
    }
    assert sum(took.values()) == 2_000 - 1_000
    stages.exchange_own(300)
    stages.taken(20)
    assert set(took) == set(STAGES) - {"timer"}


def test_the_stages_of_what_the_quote_interval_held_back_add_up_from_its_end() -> None:
    took: dict[str, int] = {}
    stages = Stages(took.__setitem__)
    stages.batch(1_000, 1_100, 1_150)
    stages.placed(StageStep(5_400, 5_450, 5_500), 5_000, left_ns=5_600, heard_ns=6_000)
    assert took == {"timer": 450, "decide": 50, "send": 100, "exchange": 400}
    assert sum(took.values()) == 6_000 - 5_000


def test_a_step_that_no_batch_that_is_remembered_caused_counts_as_one_of_the_timer() -> None:
    seen: list[str] = []
    stages = Stages(lambda stage, _: seen.append(stage))
    for read_ns in range(BATCHES_KEPT + 1):
        stages.batch(read_ns, read_ns + 1, read_ns + 2)
    stages.placed(StageStep(0, 10, 20), 0, 30, 40)
    assert seen == ["exchange", "send", "decide", "timer"]
    stages.placed(StageStep(1, 10, 20), 0, 30, 40)
    assert "decode" in seen
