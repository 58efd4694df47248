"""Conversion emulated: contacts by e-mail, companies by the caller's id, engagements; profiles C0, C1, C2."""

from sync.sandbox.conversion.vendor import Conversion

__all__ = ["Conversion"]
