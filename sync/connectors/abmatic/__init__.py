"""The Abmatic connector: accounts, contacts, campaigns with analytics, visitors, target groups."""

from sync.connectors.abmatic.connector import Abmatic

__all__ = ["Abmatic"]
