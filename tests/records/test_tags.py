"""TensorBoard's tags: no two things under one, and none that a user's own can meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tensorboard_plugin_gradcam.records import CorruptRecord, Series, scalar_tag
from tensorboard_plugin_gradcam.records.tags import PREFIX

TEXT = some.text(alphabet=":%/aé'\"\\\n", max_size=4)
SERIES = some.one_of(
    some.builds(Series, some.just("predictions"), tag=TEXT, first=some.booleans()),
    some.builds(Series, some.just("predictions"), tag=TEXT, session=some.integers(1, 3), part=some.integers(0, 2)),
    some.builds(
        Series, some.just("maps"), tag=TEXT, method=TEXT, layer=TEXT, map_kind=some.sampled_from(["positive", "rgb"])
    ),
    some.builds(Series, some.just("numbers"), tag=TEXT, method=TEXT, layer=TEXT, name=TEXT),
    some.builds(Series, some.just("image"), digest=TEXT),
)


@given(SERIES, SERIES)
def test_two_series_have_two_tags(one: Series, other: Series) -> None:
    assert (one == other) == (one.tensorboard_tag == other.tensorboard_tag)


@given(SERIES)
def test_a_tag_has_nothing_that_the_data_server_stumbles_over(series: Series) -> None:
    tag = series.tensorboard_tag
    assert tag.startswith(PREFIX)
    assert not set(tag) & set("'\"\\\n")


@given(some.lists(TEXT, max_size=3), SERIES)
def test_a_scalar_never_stands_under_the_tag_of_a_series(parts: list[str], series: Series) -> None:
    assert scalar_tag("val", *parts) != series.tensorboard_tag


def test_metadata_of_many_small_parts_is_refused_and_a_long_name_is_not() -> None:
    with pytest.raises(CorruptRecord, match="small ones"):
        Series.from_bytes(b"\x78\x01" * 50_000)
    assert len(Series.from_bytes(Series("predictions", tag="a" * 2**20).to_bytes()).tag) == 2**20
