"""Puts the connector's parts together. Importing this module imports simple-salesforce; nothing lighter does."""

from __future__ import annotations

from collections.abc import Callable

from sync.connectors.salesforce.auth import Auth
from sync.connectors.salesforce.budget import Budget
from sync.connectors.salesforce.client import Client
from sync.connectors.salesforce.export import Export
from sync.connectors.salesforce.feed import Puller
from sync.connectors.salesforce.ingest import Ingest
from sync.connectors.salesforce.probe import Probe
from sync.connectors.salesforce.read import Reader
from sync.connectors.salesforce.schema import Schemas
from sync.connectors.salesforce.session import Settings
from sync.connectors.salesforce.write import Collections

__all__ = ["Parts", "Settings"]


class Parts:
    """Everything that speaks to one org."""

    def __init__(
        self,
        settings: Settings,
        *,
        auth: Auth,
        budget: Budget,
        api_version: str,
        on_secret: Callable[[str], None] | None,
        overlap_s: float,
        export_rows: int,
        batch_size: int,
    ) -> None:
        clock, system = settings.clock, settings.system
        self.client = Client(settings, auth, budget, api_version, on_secret)
        self.schemas = Schemas(self.client, clock, system)
        self.reader = Reader(self.client, self.schemas, system)
        self.puller = Puller(self.reader, Export(self.reader, clock, export_rows), overlap_s)
        self.collections = Collections(self.client, self.schemas, clock, system, batch_size)
        self.ingest = Ingest(self.client, self.collections, clock, system)
        self.probe = Probe(self.client, budget, api_version)
