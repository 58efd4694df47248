"""Salesforce, on top of simple-salesforce.

What that library leaves out is here: deadlines, retries, a single token refresh, collections, bulk jobs that can clear
a field and whose results lose nothing. Vendor facts: apis/salesforce.md.

Importing this package loads neither simple-salesforce nor requests; the first request does.
"""

from sync.connectors.salesforce.auth import ClientCredentials, JwtBearer, RefreshToken
from sync.connectors.salesforce.connector import Salesforce
from sync.connectors.salesforce.cursor import rewound

__all__ = ["ClientCredentials", "JwtBearer", "RefreshToken", "Salesforce", "rewound"]
