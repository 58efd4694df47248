"""ActiveCampaign's API v3 emulated: contacts with their values, tags and lists, accounts, imports, automations."""

from sync.sandbox.activecampaign.vendor import ActiveCampaign

__all__ = ["ActiveCampaign"]
