// Fills the store: users who each own organizations, and users to be added. Prints what the load needs as JSON.

import { getMigrations } from "better-auth/db/migration";

import { auth } from "./auth.mjs";

const OWNERS = 20;
const ORGANIZATIONS = Number(process.env.ORGANIZATIONS);
const PASSWORD = "correct horse battery staple";

await (await getMigrations(auth.options)).runMigrations();

async function signUp(name) {
  const body = { email: `${name}@example.com`, password: PASSWORD, name };
  const { headers, response } = await auth.api.signUpEmail({ body, returnHeaders: true });
  const cookie = headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  return { id: response.user.id, email: body.email, cookie };
}

const owners = [];
for (let i = 0; i < OWNERS; i++) {
  owners.push({ ...(await signUp(`owner-${i}`)), organizations: [] });
}
for (let i = 0; i < ORGANIZATIONS; i++) {
  const owner = owners[i % OWNERS];
  const body = { name: `Company ${i}`, slug: `company-${i}`, userId: owner.id };
  owner.organizations.push((await auth.api.createOrganization({ body })).id);
}
const creators = [];
const users = [];
for (let i = 0; i < OWNERS; i++) {
  // Of their own: each creation lists what its caller is a member of.
  creators.push(await signUp(`creator-${i}`));
}
for (let i = 0; i < 60; i++) {
  users.push((await signUp(`user-${i}`)).id);
}
console.log(JSON.stringify({ owners, creators, users, password: PASSWORD }));
