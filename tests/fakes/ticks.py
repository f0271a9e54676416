"""A clock for whatever counts by the time that has passed."""


class Ticks:
    """A monotonic clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds
