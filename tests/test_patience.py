"""How long a body is waited for."""

import pytest

from togetherpy._core.patience import Patience
from togetherpy.types._timeout import Timeout


@pytest.mark.fault("B8")
def test_what_opens_it_has_the_time_of_the_call() -> None:
    patience = Patience(Timeout(60, stream_idle=10), 50.0)
    assert patience.deadline(5.0) == 50.0
    assert patience.limit == "timeout=60 s"
    patience.begun = True
    assert patience.deadline(5.0) == 15.0
    assert patience.limit == "Timeout(stream_idle=10)"


@pytest.mark.fault("B8")
def test_a_silence_is_bounded_by_the_smaller_limit() -> None:
    patience = Patience(Timeout(3, stream_idle=10), 50.0)
    patience.begun = True
    assert patience.deadline(5.0) == 8.0
    assert patience.limit == "timeout=3 s"
