"""The seed's own use case: list the accounts of Abmatic, and update Salesforce with one simple-salesforce call for each account."""

import sys

import httpx
from bare_loop_client import client


def main(abmatic, salesforce_url):
    salesforce = client(salesforce_url)
    found = salesforce.query_all("SELECT Id, Website FROM Account")["records"]
    ids = {row["Website"]: row["Id"] for row in found}
    with httpx.Client(headers={"Authorization": "Bearer sandbox"}, trust_env=False) as api:
        page = 1
        while True:
            listed = api.get(f"{abmatic}/accounts", params={"page": page, "per_page": 100}).json()
            for account in listed["data"]:
                salesforce.Account.update(ids[account["website"]], {"NumberOfEmployees": account["employee_count"]})
            if page >= listed["pagination"]["total_pages"]:
                return
            page += 1


main(*sys.argv[1:])
