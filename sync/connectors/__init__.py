"""One module per vendor, behind the contract of `base`."""
