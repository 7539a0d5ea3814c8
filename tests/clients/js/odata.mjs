// odata-query writes options, @odata/client writes and sends them.
import { OData } from "@odata/client";
import buildQuery from "odata-query";
import { at, expect, personToken } from "./accord.mjs";

const authorization = `Bearer ${await personToken()}`;
const made = [];
for (const name of ["Kettle & Sons", "Kettle's", "Teapots"]) {
  const headers = { authorization, "content-type": "application/json" };
  const answer = await fetch(at("/api/accounts"), { method: "POST", headers, body: JSON.stringify({ name: `${name} ${Date.now()}` }) });
  expect(answer.status === 201, `made ${answer.status} ${await answer.clone().text()}`);
  made.push(await answer.json());
}
const query = buildQuery({ filter: { name: made[1].name }, select: ["id", "name"], top: 5, count: true });
const page = await (await fetch(at(`/api/accounts${query}`), { headers: { authorization } })).json();
expect(page.value.length === 1 && page.value[0].id === made[1].id, `odata-query: ${query} ${JSON.stringify(page)}`);
const starts = buildQuery({ filter: { name: { startswith: "Kettle" } }, orderBy: ["name desc"], top: 1 });
const first = await (await fetch(at(`/api/accounts${starts}`), { headers: { authorization } })).json();
expect(first.value[0].name.startsWith("Kettle's"), `odata-query: ${starts} ${JSON.stringify(first)}`);

const client = OData.New4({ serviceEndpoint: at("/api/"), commonHeaders: { authorization } });
const filter = client.newFilter().field("name").eq(made[2].name);
const options = client.newOptions().filter(filter).select(["id", "name"]).top(1);
const found = await client.newRequest({ collection: "accounts", params: options });
expect(found.value?.[0]?.id === made[2].id, `@odata/client: ${JSON.stringify(found)}`);
const one = await client.newRequest({ collection: "accounts", id: made[0].id });
expect(one.name === made[0].name, `@odata/client by id: ${JSON.stringify(one)}`);
for (const { id } of made) {
  const answer = await fetch(at(`/api/accounts/${id}`), { method: "DELETE", headers: { authorization } });
  expect(answer.ok, `deleted: ${answer.status}`);
}
console.log("filter, select, orderby, top, count, by id: names and ids checked");
