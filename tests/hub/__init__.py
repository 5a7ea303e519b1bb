"""A Hub on loopback that the real, unmodified huggingface_hub and datasets can be tested against."""

from tests.hub.errors import HubError
from tests.hub.faults import Fault
from tests.hub.hub import Hub
from tests.hub.requests_log import Request

__all__ = ["Fault", "Hub", "HubError", "Request"]
