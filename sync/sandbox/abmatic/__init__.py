"""Abmatic emulated: the seed's surface (A1) by default, the vendor's two later read-only surfaces (A2, A3) on request.

Facts and assumptions are those of the Abmatic fact sheet (sections 1, 4 and 5.2); where the vendor is silent the
nastier reading is the default, and `settings` tells how to choose another.
"""

from sync.sandbox.abmatic.emulator import Abmatic

__all__ = ["Abmatic"]
