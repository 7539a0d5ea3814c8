import { FetchClient } from "@odata2ts/http-client-fetch";
import { AccordService } from "./AccordService";

type Callers = { base: string; authorization: string; unique: number };

function expect(right: boolean, what: unknown) {
  if (!right) throw new Error(JSON.stringify(what));
}

export async function main({ base, authorization, unique }: Callers): Promise<string> {
  const accord = new AccordService(new FetchClient({ headers: { Authorization: authorization } }), `${base}/api`);
  const names = [`Kettles ${unique}`, `Kettle & Sons ${unique}`];
  const ids: number[] = [];
  for (const name of names) {
    const made = await accord.accounts().create({ name } as never);
    ids.push(Number((made.data as { id?: number }).id));
  }

  const found = await accord.accounts().query((account, q) =>
    account.filter(q.name.eq(names[1]), q.createdAt.lt("2999-01-01T00:00:00Z")).select("id", "name", "status").count().top(2)
  );
  const { value } = found.data;
  expect(value.length === 1 && Number(value[0].id) === ids[1] && value[0].status === "active", found.data);
  const ordered = await accord.accounts().query((account, q) =>
    account.filter(q.name.startsWith("Kettle")).orderBy(q.name.desc()).top(1)
  );
  expect(ordered.data.value[0].name === names[0], ordered.data);

  const account = accord.accounts(ids[0]);
  const one = await account.query();
  expect(one.data.name === names[0] && one.data.type === "standard", one.data);
  const members = await account.users().query((member, q) => member.filter(q.status.ne(null)));
  const member = members.data.value[0];
  expect(members.data.value.length === 1 && member.rank === "owner" && member.roles.includes("owner"), members.data);
  const same = await account.users(Number(member.id)).query();
  expect(same.data.email === member.email, same.data);
  const below = [await account.invitations().query(), await account.records().query(), await account.identities().query()];
  for (const { data } of below) expect(data.value.length === 0, data);
  const changes = await account.audit().query((event, q) => event.filter(q.subject.eq("account")).top(1));
  expect(Number(changes.data.value[0].accountId) === ids[0], changes.data);
  const people = await accord.users().query((user) => user.count().top(1));
  expect(people.data.value[0].email !== null, people.data);
  for (const id of ids) await accord.accounts(id).delete();
  return "filter, select, order, top, count, by key, what lies below by key: values checked";
}
