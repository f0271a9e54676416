"""The businesses of the demo."""

from sokho.demo.cafe import cafe
from sokho.demo.catalogue import DemoBusiness
from sokho.demo.hardware_shop import hardware_shop


def demo_businesses() -> tuple[DemoBusiness, ...]:
    """Return the hardware shop, then the café; equal at every call."""
    return hardware_shop(), cafe()
