"""The five vendors emulated on loopback, with faults on demand. Shares no code with the rest of the package."""
