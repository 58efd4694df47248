"""Letrics emulated: people and companies by filter, read only."""

from sync.sandbox.letrics.vendor import Letrics

__all__ = ["Letrics"]
