"""The Letrics connector: people and companies by filter, read only."""

from sync.connectors.letrics.connector import Letrics

__all__ = ["Letrics"]
