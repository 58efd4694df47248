// Drives the emulated org with jsforce as it comes from npm: node salesforce_jsforce.cjs http://127.0.0.1:PORT
const { Connection } = require("jsforce");

async function main(url) {
  const connection = new Connection({ loginUrl: url, instanceUrl: url, version: "67.0", oauth2: { loginUrl: url, clientId: "sandbox", clientSecret: "sandbox" } });
  await connection.authorize({ grant_type: "client_credentials" });
  const identity = await connection.request("/services/oauth2/userinfo");
  const rows = [1, 2, 3].map((n) => ({ CRM_Sync_Id__c: `c${n}`, LastName: `P${n}`, Email: `p${n}@acme.example` }));
  const first = await connection.sobject("Contact").upsert(rows, "CRM_Sync_Id__c");
  const again = await connection.sobject("Contact").upsert(rows, "CRM_Sync_Id__c");
  const queried = await connection.query("SELECT Id, Name FROM Contact WHERE Email LIKE 'p%'");
  const described = await connection.sobject("Contact").describe();
  const many = Array.from({ length: 2500 }, (_, n) => ({ Name: `A${n}`, CRM_Sync_Id__c: `a${n}` }));
  await connection.sobject("Account").create(many, { allowRecursive: true });
  const paged = await connection.query("SELECT Id FROM Account", { autoFetch: true, maxFetch: 5000 });
  connection.bulk2.pollInterval = 10;
  const bulk = await connection.bulk2.loadAndWaitForResults({ object: "Lead", operation: "insert", input: [1, 2, 3, 4, 5].map((n) => ({ LastName: `L${n}`, Company: "Acme" })) });
  const searched = await connection.search("FIND {p1} IN EMAIL FIELDS RETURNING Contact(Id, Name)");
  const explained = await connection.query("SELECT Id FROM Contact").explain();
  connection.bulk.pollInterval = 10;
  const bulk1 = await connection.bulk.load("Campaign", "insert", [{ Name: "C1", Description: "x" }, { Name: "C2" }, { Name: "", Description: "nameless" }]);
  const bulk1Read = await (await connection.bulk.query("SELECT Id, Name FROM Campaign")).toArray();
  const gone = await connection.sobject("Contact").destroy(queried.records[0].Id);
  console.log(JSON.stringify({
    user: identity.user_id.startsWith("005"),
    upserted: first.filter((row) => row.success && row.created).length,
    again: again.filter((row) => row.success && !row.created).length,
    queried: queried.totalSize,
    described: described.fields.some((field) => field.name === "CRM_Sync_Id__c" && field.externalId),
    paged: paged.records.length,
    bulk: bulk.successfulResults.length,
    deleted: gone.success,
    searched: searched.searchRecords.length,
    explained: explained.plans[0].sobjectType,
    bulk1: bulk1.map((row) => row.success),
    bulk1Read: bulk1Read.length,
  }));
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
