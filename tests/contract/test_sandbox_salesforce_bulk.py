"""Bulk API 2.0 of the emulated org: jobs from open to done, and everything that can go wrong on the way."""

import csv
import io

import pytest
from salesforce_http import DATA, running


@pytest.fixture
def org():
    with running() as found:
        yield found


class Ingest:
    """One ingest job, step by step."""

    def __init__(self, org, operation="upsert", kind="Contact", key="CRM_Sync_Id__c", **more):
        body = {
            "object": kind,
            "operation": operation,
            "contentType": "CSV",
            **({"externalIdFieldName": key} if operation == "upsert" else {}),
            **more,
        }
        self.org, self.made = org, org.call("POST", "/jobs/ingest", body)
        self.path = f"/jobs/ingest/{self.made.json()['id']}" if self.made.status_code == 200 else None

    def put(self, text):
        content = text if isinstance(text, bytes) else text.encode()
        return self.org.http.put(f"{DATA}{self.path}/batches", content=content, headers={"Content-Type": "text/csv"})

    def close(self, state="UploadComplete"):
        return self.org.call("PATCH", self.path, {"state": state})

    def poll(self):
        return self.org.call("GET", self.path).json()

    def run(self, text):
        assert self.put(text).status_code == 201 and self.close().json()["state"] == "UploadComplete"
        while (found := self.poll())["state"] in ("UploadComplete", "InProgress"):
            pass
        return found

    def rows(self, which):
        return list(csv.DictReader(io.StringIO(self.org.call("GET", f"{self.path}/{which}/").text)))


def test_upsert_from_open_to_complete(org):
    """Rows are created and updated; empty leaves alone, #N/A clears, quotes and newlines survive, parents are named by key."""
    org.edit("Account", create={"Name": "Acme", "Abmatic_Id__c": "acc_1"})
    org.edit("Contact", create={"LastName": "Old", "CRM_Sync_Id__c": "c1", "Title": "CTO", "Phone": "1"})
    job = Ingest(org, lineEnding="LF")
    assert job.made.json()["contentUrl"] == f"{DATA[1:]}{job.path}/batches" and job.made.json()["apiVersion"] == 67.0
    text = 'CRM_Sync_Id__c,LastName,Title,Phone,HasOptedOutOfEmail,Account.Abmatic_Id__c\nc1,New,#N/A,,true,acc_1\nc2,"a ""b""\nc",,,False,\n'
    done = job.run(text)
    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"], done["jobType"]) == (
        "JobComplete",
        2,
        0,
        "V2Ingest",
    )
    rows = org.records(
        "SELECT LastName, Title, Phone, HasOptedOutOfEmail, Account.Name FROM Contact ORDER BY CRM_Sync_Id__c"
    )
    assert rows[0]["LastName"] == "New" and (rows[0]["Title"], rows[0]["Phone"], rows[0]["HasOptedOutOfEmail"]) == (
        None,
        "1",
        True,
    )
    assert rows[0]["Account"]["Name"] == "Acme" and rows[1]["LastName"] == 'a "b"\nc'
    found = {row["CRM_Sync_Id__c"]: row for row in job.rows("successfulResults")}
    assert (
        found["c1"]["sf__Created"] == "false"
        and found["c2"]["sf__Created"] == "true"
        and found["c2"]["sf__Id"].startswith("003")
    )


def test_failed_rows(org):
    """Each bad row is listed with code, message and field, its neighbours are written; an injected row fails with its code."""
    job = Ingest(org)
    text = "CRM_Sync_Id__c,LastName,Birthdate,Abmatic_Score__c\na,A,2003-04-98,\nb,,,\nc,C,,abc\nd,D,,\nd,E,,\ne,F,,\nf,G,,\n"
    org.fail_rows({6: "UNABLE_TO_LOCK_ROW"})
    done = job.run(text)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (7, 6)
    errors = {(row["CRM_Sync_Id__c"], row["LastName"]): row["sf__Error"] for row in job.rows("failedResults")}
    assert (
        errors["a", "A"]
        == "INVALID_FIELD:Failed to deserialize field at col 3. Due to, '2003-04-98' is not a valid value for the type xsd:date:Birthdate --"
    )
    assert errors["b", ""] == "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
    assert errors["c", "C"].startswith("INVALID_FIELD:") and errors["f", "G"].startswith("UNABLE_TO_LOCK_ROW:")
    assert errors["d", "D"].startswith("DUPLICATE_VALUE:Duplicate external id specified: d") and ("d", "E") in errors
    assert [row["CRM_Sync_Id__c"] for row in job.rows("successfulResults")] == ["e"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CRM_Sync_Id__c,Foo__c\na,b\n", "InvalidBatch : Field name not found : Foo__c"),
        ("LastName\na\n", "InvalidBatch : Field name not found : CRM_Sync_Id__c"),
        (
            "CRM_Sync_Id__c,LastName\r\na,b\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        ("CRM_Sync_Id__c,LastName\na\n", "InvalidBatch : Failed to parse CSV"),
        (b"CRM_Sync_Id__c\n\xff\n", "not UTF-8"),
        ("", "holds no header"),
    ],
)
def test_bad_upload_fails_the_job(org, text, words):
    """A header or CSV that cannot be used fails the whole job with nothing processed."""
    done = Ingest(org).run(text)
    assert done["state"] == "Failed" and words in done["errorMessage"] and done["numberRecordsProcessed"] == 0


def test_insert_update_delete(org):
    """Insert, update by Id, delete to the bin and hard delete past it."""
    job = Ingest(org, "insert", columnDelimiter="SEMICOLON", lineEnding="CRLF")
    assert job.run("LastName;Email\r\nA;a@acme.example\r\n")["state"] == "JobComplete"
    row_id = org.records("SELECT Id FROM Contact")[0]["Id"]
    assert Ingest(org, "update").run(f"Id,Title\n{row_id[:15]},CTO\n")["numberRecordsFailed"] == 0
    assert org.records("SELECT Title FROM Contact") == [{"Title": "CTO"}]
    again = Ingest(org, "delete")
    again.run(f"Id\n{row_id}\n003ak00000zzzzz\n")
    assert [row["sf__Error"].split(":")[0] for row in again.rows("failedResults")] == ["INVALID_CROSS_REFERENCE_KEY"]
    assert len(org.records("SELECT Id FROM Contact", "queryAll")) == 1
    other = org.edit("Contact", create={"LastName": "B"})
    Ingest(org, "hardDelete").run(f"Id\n{other}\n")
    assert len(org.records("SELECT Id FROM Contact", "queryAll")) == 1


def test_states_are_kept(org):
    """One upload while open, no results before the time, an abort leaves the rest unprocessed, and a deleted job is gone."""
    job = Ingest(org)
    assert job.poll()["state"] == "Open" and job.close("JobComplete").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    job.put("CRM_Sync_Id__c,LastName\n" + "".join(f"c{n},L\n" for n in range(10_050)))
    assert job.put("x\n").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    job.close()
    assert [job.poll()["state"], job.poll()["numberRecordsProcessed"]] == ["InProgress", 10_000]
    assert job.close("Aborted").json()["state"] == "Aborted" and len(job.rows("unprocessedrecords")) == 50
    assert org.query("SELECT COUNT() FROM Contact").json()["totalSize"] == 10_000
    assert org.call("DELETE", job.path).status_code == 204 and org.call("GET", job.path).status_code == 404


def test_job_goes_on_unwatched(org):
    """A job that nobody polls is done by itself as time passes."""
    job = Ingest(org)
    job.put("CRM_Sync_Id__c,LastName\na,A\n")
    job.close()
    for _ in range(3):
        org.clock.advance(5)
        rows = org.vendor.rows("Contact")
    assert len(rows) == 1 and job.poll()["state"] == "JobComplete"


def test_refused_jobs(org):
    """Unknown operations, objects, keys and delimiters are refused when the job is made."""
    bad = Ingest(org, "merge"), Ingest(org, kind="Nope"), Ingest(org, key="Title"), Ingest(org, columnDelimiter="DOT")
    assert [job.made.json()[0]["errorCode"] for job in bad] == [
        "INVALIDJOB",
        "INVALIDENTITY",
        "INVALIDJOB",
        "INVALIDJOB",
    ]


def test_query_job(org):
    """A query job is polled to its end; pages repeat the header, count their rows, end in the word null, and can be read again."""
    org.vendor.load(
        "Contact",
        [{"LastName": f'L"{n}', "Abmatic_Score__c": n, "SystemModstamp": "2026-01-01T00:00:00Z"} for n in range(5)],
    )
    soql = "SELECT LastName, Title, Abmatic_Score__c, HasOptedOutOfEmail, SystemModstamp, Account.Name FROM Contact ORDER BY Abmatic_Score__c"
    job = org.call("POST", "/jobs/query", {"operation": "query", "query": soql}).json()
    path = f"/jobs/query/{job['id']}"
    assert job["state"] == "UploadComplete" and org.call("GET", f"{path}/results").status_code == 400
    assert [org.call("GET", path).json()["state"] for _ in range(2)] == ["InProgress", "JobComplete"]
    pages = [org.call("GET", f"{path}/results?maxRecords=3{more}") for more in ("", "&locator=3", "&locator=3")]
    assert [(p.headers["sforce-locator"], p.headers["sforce-numberofrecords"]) for p in pages] == [
        ("3", "3"),
        ("null", "2"),
        ("null", "2"),
    ]
    assert pages[0].text.splitlines()[:2] == [
        '"LastName","Title","Abmatic_Score__c","HasOptedOutOfEmail","SystemModstamp","Account.Name"',
        '"L""0","","0.0","false","2026-01-01T00:00:00.000Z",""',
    ]
    assert org.http.get(f"/services/data/v66.0{path}/results").status_code == 409
    for query in ("SELECT MailingAddress FROM Contact", "SELECT COUNT() FROM Contact", "SELECT Id FROM Nope"):
        assert org.call("POST", "/jobs/query", {"operation": "queryAll", "query": query}).status_code == 400
