"""The Conversion connector: people by e-mail address, companies by our own id, consent, engagements."""

from sync.connectors.conversion.connector import Conversion

__all__ = ["Conversion"]
