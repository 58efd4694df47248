"""The dashboard and its JSON API, health and metrics, and the door for webhooks. It asks the service through a `Desk`, nothing else."""

from sync.web.app import build
from sync.web.server import Served, serve

__all__ = ["Served", "build", "serve"]
