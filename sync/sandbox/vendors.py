"""The five emulated vendors, in the order of their ports."""

from __future__ import annotations

from collections.abc import Callable

from sync.sandbox.abmatic import Abmatic
from sync.sandbox.activecampaign import ActiveCampaign
from sync.sandbox.clock import Clock
from sync.sandbox.conversion import Conversion
from sync.sandbox.letrics import Letrics
from sync.sandbox.salesforce import Salesforce
from sync.sandbox.vendor import Vendor

VENDORS: tuple[Callable[[Clock], Vendor], ...] = (Abmatic, Salesforce, Conversion, ActiveCampaign, Letrics)
