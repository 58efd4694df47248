"""crm-sync: keeps accounts, contacts and e-mail consent the same in several systems."""

__version__ = "0.1.0"
