"""The bare loop: simple-salesforce reads all contacts with `query_all_iter` and upserts them in collections of 200. No state, no questions."""

import sys

from bare_loop_client import client

FIELDS = "Id, CRM_Sync_Id__c, FirstName, LastName, Email, Title, Phone, SystemModstamp"


def main(url):
    salesforce = client(url)
    rows = list(salesforce.query_all_iter(f"SELECT {FIELDS} FROM Contact"))
    path = "composite/sobjects/Contact/CRM_Sync_Id__c"
    for start in range(0, len(rows), 200):
        records = [
            {"attributes": {"type": "Contact"}, "CRM_Sync_Id__c": row["CRM_Sync_Id__c"], "LastName": row["LastName"], "Title": f"Bare {row['Title']}"}
            for row in rows[start : start + 200]
        ]  # fmt: skip
        answers = salesforce.restful(path, method="PATCH", json={"allOrNone": False, "records": records})
        assert all(answer["success"] for answer in answers)


main(sys.argv[1])
