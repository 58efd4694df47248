"""The ActiveCampaign connector: API v3, with everything that hangs on a contact read as if it were part of it."""

from sync.connectors.activecampaign.connector import ActiveCampaign

__all__ = ["ActiveCampaign"]
