"""Independent clients work against the emulated org unmodified."""

import asyncio
import json
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
import requests
from aiosalesforce import Salesforce as AioSalesforce
from aiosalesforce.auth import ClientCredentialsFlow
from cryptography.hazmat.primitives.asymmetric import rsa
from salesforce_bulk import BulkApiError, CsvDictsAdapter, SalesforceBulk
from salesforce_http import running
from simple_salesforce import Salesforce, SalesforceMalformedRequest
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.format import format_external_id, format_soql

JSFORCE = Path(__file__).parent / "salesforce_jsforce.cjs"


class Loopback(requests.adapters.HTTPAdapter):
    """The one hook that simple-salesforce offers: it hard-codes https and the log-in host."""

    def __init__(self, netloc):
        super().__init__()
        self.netloc = netloc

    def send(self, request, **kwargs):
        request.url = urlsplit(request.url)._replace(scheme="http", netloc=self.netloc).geturl()
        return super().send(request, **kwargs)


@pytest.fixture
def org():
    with running() as found:
        yield found


@pytest.fixture
def session(org):
    with requests.Session() as found:
        found.trust_env = False
        found.mount("https://", Loopback(urlsplit(org.url).netloc))
        yield found


@pytest.fixture
def client(session):
    return Salesforce(
        consumer_key="sandbox", consumer_secret="sandbox", domain="acme.my", session=session, version="67.0"
    )


def people(number):
    return [
        {"CRM_Sync_Id__c": f"c{k}", "LastName": f"Person {k}", "Email": f"p{k}@acme.example"} for k in range(number)
    ]


def test_client_credentials_and_describe(client):
    """simple-salesforce logs in with client credentials and finds our external id in the describe."""
    fields = {field["name"]: field for field in client.Contact.describe()["fields"]}
    assert (
        fields["CRM_Sync_Id__c"]["externalId"]
        and fields["CRM_Sync_Id__c"]["unique"]
        and fields["CRM_Sync_Id__c"]["idLookup"]
    )
    assert fields["Seniority__c"]["restrictedPicklist"] and "VP" in [
        v["value"] for v in fields["Seniority__c"]["picklistValues"]
    ]
    assert fields["Name"]["createable"] is False and fields["LastName"]["nillable"] is False
    assert {"Account", "Contact", "Lead", "Campaign", "CampaignMember", "Task", "User"} <= {
        s["name"] for s in client.describe()["sobjects"]
    }
    assert client.limits()["DailyApiRequests"]["Max"] == 15_000
    assert client.api_usage["api-usage"].total == 15_000


def test_wrong_secret_is_refused(session):
    """A secret that is not the sandbox's is refused with the vendor's OAuth object."""
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid_client"):
        Salesforce(consumer_key="sandbox", consumer_secret="wrong", domain="acme.my", session=session)


def test_soap_login_is_refused(session):
    """SOAP log-in with user name and password is refused as the vendor does for new orgs."""
    with pytest.raises(SalesforceAuthenticationFailed, match="disabled by default"):
        Salesforce(username="u", password="p", security_token="t", session=session)


def test_jwt_bearer(session):
    """A well-formed RS256 assertion of the sandbox's consumer opens a session."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {
        "iss": "sandbox",
        "sub": "ada@acme.example",
        "aud": "https://login.salesforce.com",
        "exp": str(int(time.time()) + 180),
    }
    assertion = jwt.api_jws.encode(json.dumps(claims).encode(), key, algorithm="RS256")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    answer = session.post("https://login.salesforce.com/services/oauth2/token", data=form)
    assert answer.status_code == 200 and "refresh_token" not in answer.json()
    late = jwt.api_jws.encode(json.dumps({**claims, "exp": int(time.time()) - 1}).encode(), key, algorithm="RS256")
    refused = session.post("https://login.salesforce.com/services/oauth2/token", data={**form, "assertion": late})
    assert refused.status_code == 400 and refused.json()["error"] == "invalid_grant"


def test_query_pages(client, org):
    """`query_all` follows the locators over several pages and gets every row once."""
    org.server.vendor.load("Contact", people(4500))
    found = client.query_all("SELECT Id, Name, SystemModstamp FROM Contact ORDER BY SystemModstamp, Id")
    assert found["totalSize"] == 4500 and len({row["Id"] for row in found["records"]}) == 4500
    assert [row["Id"] for row in found["records"]] == sorted(row["Id"] for row in found["records"])
    first = client.query("SELECT Id FROM Contact")
    assert len(first["records"]) == 2000 and not first["done"]
    assert len(client.query_more(first["nextRecordsUrl"], identifier_is_url=True)["records"]) == 2000


def test_row_operations(client):
    """Create, read, update, upsert, delete and look up by external id through the object handles."""
    made = client.Contact.create({"LastName": "Ruiz", "CRM_Sync_Id__c": "a/b c", "Email": "Ruiz@Acme.Example"})
    row = client.Contact.get(made["id"])
    assert (row["Name"], row["Email"], row["HasOptedOutOfEmail"], row["Title"]) == (
        "Ruiz",
        "ruiz@acme.example",
        False,
        None,
    )
    assert client.Contact.update(made["id"], {"Title": "CTO"}) == 204
    assert client.Contact.upsert(format_external_id("CRM_Sync_Id__c", "a/b c"), {"Title": "CEO"}) == 200
    assert (
        client.query(format_soql("SELECT Title FROM Contact WHERE Email = {}", "ruiz@acme.example"))["records"][0][
            "Title"
        ]
        == "CEO"
    )
    with pytest.raises(SalesforceMalformedRequest, match="STRING_TOO_LONG"):
        client.Contact.update(made["id"], {"Title": "x" * 129})
    assert client.Contact.delete(made["id"]) == 204


def test_collections_through_restful(client):
    """A Collections upsert sent through `restful` answers row by row."""
    rows = [{"attributes": {"type": "Contact"}, **row} for row in people(200)]
    path = "composite/sobjects/Contact/CRM_Sync_Id__c"
    for created in (True, False):
        found = client.restful(path, method="PATCH", json={"allOrNone": False, "records": rows})
        assert (
            len(found) == 200
            and {row["created"] for row in found} == {created}
            and all(row["success"] for row in found)
        )


def test_bulk_ingest(client):
    """A Bulk 2.0 upsert runs to its end; good and bad rows are told apart."""
    rows = [*people(30), {"CRM_Sync_Id__c": "bad", "LastName": "x" * 81, "Email": "x@acme.example"}]
    found = client.bulk2.Contact.upsert(records=rows, external_id_field="CRM_Sync_Id__c", wait=0)
    assert found[0]["numberRecordsProcessed"] == 31 and found[0]["numberRecordsFailed"] == 1
    job = found[0]["job_id"]
    assert "STRING_TOO_LONG:" in client.bulk2.Contact.get_failed_records(job)
    assert len(client.bulk2.Contact.get_successful_records(job).splitlines()) == 31
    assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == 30


def test_bulk_query(client, org):
    """A Bulk 2.0 query is paged with its locator to the last row."""
    org.server.vendor.load("Contact", people(250))
    pages = list(client.bulk2.Contact.query("SELECT Id, Email FROM Contact", max_records=100, wait=0))
    assert [len(page.splitlines()) for page in pages] == [101, 101, 51]


def test_search(client, org):
    """`search` and `quick_search` find what was stored, with the fields that were asked for."""
    org.server.vendor.load("Contact", people(3))
    named = client.search("FIND {p1} IN EMAIL FIELDS RETURNING Contact(Id, Name), Lead LIMIT 5")
    assert [row["Name"] for row in named["searchRecords"]] == ["Person 1"]
    assert len(client.quick_search("Person")["searchRecords"]) == 3


def test_bulk_1(client, monkeypatch):
    """`bulk` (version 1) inserts, upserts, deletes and queries; each row is told apart, in order."""
    monkeypatch.setattr("simple_salesforce.bulk.sleep", lambda _: None)
    found = client.bulk.Contact.insert([*people(2), {"FirstName": "nobody"}])
    assert [row["success"] for row in found] == [True, True, False]
    assert found[2]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING" and found[2]["errors"][0]["fields"] == [
        "LastName"
    ]
    again = client.bulk.Contact.upsert([{**row, "Title": None} for row in people(3)], "CRM_Sync_Id__c")
    assert [row["created"] for row in again] == [False, False, True]
    rows = client.bulk.Contact.query("SELECT Id, LastName FROM Contact ORDER BY LastName")
    assert [row["LastName"] for row in rows] == ["Person 0", "Person 1", "Person 2"]
    assert [row["success"] for row in client.bulk.Contact.delete([{"Id": row["Id"]} for row in rows])] == [True] * 3
    assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == 0
    assert len(client.bulk.Contact.query_all("SELECT Id FROM Contact")) == 3


def test_salesforce_bulk(org, monkeypatch):
    """salesforce-bulk, which speaks XML and CSV, inserts and queries."""
    monkeypatch.setenv("NO_PROXY", "*")
    token = org.http.headers["Authorization"].removeprefix("Bearer ")
    bulk = SalesforceBulk(sessionId=token, host=org.url, API_version="67.0")
    job = bulk.create_insert_job("Contact", contentType="CSV", concurrency="Parallel")
    batch = bulk.post_batch(job, CsvDictsAdapter(iter([{"LastName": "Quill"}, {"LastName": "x" * 81}])))
    bulk.wait_for_batch(job, batch, sleep_interval=0)
    bulk.close_job(job)
    first, second = bulk.get_batch_results(batch, job)
    assert (first.success, first.error, second.success) == ("true", "", "false") and "STRING_TOO_LONG" in second.error
    assert bulk.job_status(job)["numberRecordsFailed"] == "1"
    query = bulk.create_query_job("Contact", contentType="CSV")
    asked = bulk.query(query, "SELECT LastName FROM Contact")
    bulk.wait_for_batch(query, asked, sleep_interval=0)
    assert [list(part) for part in bulk.get_all_results_for_query_batch(asked)] == [[b'"LastName"\n', b'"Quill"\n']]
    with pytest.raises(BulkApiError, match="InvalidEntity"):
        bulk.create_insert_job("Nope")


def test_aiosalesforce(org):
    """aiosalesforce logs in, queries, upserts, batches, composes and loads in bulk."""

    class Loopback(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            request.url = httpx.URL(org.url).join(request.url.raw_path.decode())
            return await super().handle_async_request(request)

    async def work():
        async with httpx.AsyncClient(transport=Loopback(), trust_env=False) as http:
            flow = ClientCredentialsFlow("sandbox", "sandbox")
            client = AioSalesforce(http, base_url="https://acme.my.salesforce.com", auth=flow, version="67.0")
            upserted = await client.sobject.upsert("Contact", "c1", "CRM_Sync_Id__c", {"LastName": "Quill"})
            async with client.composite.batch() as batch:
                listed = batch.query("SELECT LastName FROM Contact")
            async with client.composite(all_or_none=True) as composite:
                account = composite.sobject.create("Account", {"Name": "Acme"})
                composite.sobject.create("Contact", {"LastName": "Oak", "AccountId": str(account.reference.id)})
            employed = [row async for row in client.query("SELECT Id FROM Contact WHERE Account.Name = 'Acme'")]
            loaded = await client.bulk_v2.upsert("Contact", people(3), external_id_field="CRM_Sync_Id__c")
            names = [row["LastName"] async for row in client.query("SELECT LastName FROM Contact ORDER BY LastName")]
            return upserted.created, listed.records[0]["LastName"], len(employed), loaded, names

    created, listed, employed, loaded, names = asyncio.run(work())
    assert (created, listed, employed) == (True, "Quill", 1)
    assert (len(loaded.successful_results), len(loaded.failed_results)) == (3, 0)
    assert names == ["Oak", "Person 0", "Person 1", "Person 2"]


@pytest.mark.slow
def test_jsforce(org, tmp_path):
    """jsforce logs in, queries, upserts and runs Bulk 2.0 jobs unmodified."""
    if shutil.which("npm") is None:
        pytest.skip("needs Node.js: install node and npm, then run pytest -m slow tests/contract")
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", "jsforce@3"], cwd=tmp_path, check=True, timeout=100
    )
    script = shutil.copy(JSFORCE, tmp_path)
    done = subprocess.run(
        ["node", script, org.url], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "user": True,
        "upserted": 3,
        "again": 3,
        "queried": 3,
        "described": True,
        "paged": 2500,
        "bulk": 5,
        "deleted": True,
        "searched": 1,
        "explained": "Contact",
        "bulk1": [True, True, False],
        "bulk1Read": 2,
    }
