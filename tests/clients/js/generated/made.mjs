// What the clients have in common that are made of the description, or judge it: the description as a file, and programs of npm.
// They work in node_modules, where what is made finds the packages that it needs and nobody keeps it.

import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { at, connector, expect, person, personToken } from "../accord.mjs";

const clients = fileURLToPath(new URL("../..", import.meta.url));

/** A directory of the client's own, with the description in it, or what else is at a path. */
export async function room(name, path = "/openapi.json", file = "openapi.json") {
  const room = `${clients}node_modules/.accord/${name}`;
  await rm(room, { recursive: true, force: true });
  await mkdir(room, { recursive: true });
  const answer = await fetch(at(path));
  expect(answer.ok, `${path} ${answer.status}`);
  await writeFile(`${room}/${file}`, await answer.text());
  return room;
}

/** Runs a program of npm there, and returns what it prints. */
export function run(room, program, ...options) {
  const env = { ...process.env, NO_UPDATE_NOTIFIER: "1", REDOCLY_TELEMETRY: "off", SCARF_ANALYTICS: "false" };
  const stdio = ["ignore", "pipe", "pipe"];
  try {
    return execFileSync(`${clients}node_modules/.bin/${program}`, options, { cwd: room, env, stdio, encoding: "utf8" });
  } catch (failure) {
    throw new Error(`${program}: ${failure.stdout}${failure.stderr}`);
  }
}

/** Compiles the client `name` of this directory, strictly, with what was made for it, and runs it. */
export async function compiled(room, name, modules = ["--module", "nodenext"]) {
  await cp(`${clients}js/generated/${name}.ts`, `${room}/client.ts`);
  await writeFile(`${room}/package.json`, modules.includes("nodenext") ? '{ "type": "module" }' : "{}");
  const strict = ["--strict", "--skipLibCheck", "--target", "es2022", ...modules, "--outDir", "out"];
  // All by name: what is only imported in node_modules is taken to be compiled already.
  const sources = (await readdir(room)).filter((name) => name.endsWith(".ts"));
  run(room, "tsc", ...strict, ...sources);
  const { main } = await import(`${room}/out/client.js`);
  return main(await callers());
}

/** Who calls the APIs: a connector that may use all of them, and a person who manages an account. */
async function callers() {
  const scopes = ["portal:write", "AccessManager:Create", "AccessManager:Read", "accounts:read", "accounts:manage"];
  const { clientId, clientSecret, accountId } = await connector({ name: "Typed", redirectUris: [], scopes });
  const headers = { authorization: `Bearer ${await personToken()}` };
  const { accountKey } = await (await fetch(at(`/api/accounts/${accountId}`), { headers })).json();
  return { base: at("/").replace(/\/$/, ""), ...headers, clientId, clientSecret, accountKey, ...person, unique: Date.now() };
}
