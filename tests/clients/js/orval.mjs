// orval makes functions of the description, by which an operation of each API is called with fetch.
import { writeFile } from "node:fs/promises";
import { at } from "./accord.mjs";
import { compiled, room, run } from "./generated/made.mjs";

const made = await room("orval");
const output = { target: "./api.ts", client: "fetch", mode: "single", baseUrl: at("/").replace(/\/$/, "") };
const config = { accord: { input: { target: "./openapi.json" }, output } };
await writeFile(`${made}/orval.config.cjs`, `module.exports = ${JSON.stringify(config)};\n`);
run(made, "orval", "--config", "orval.config.cjs");
console.log(await compiled(made, "orval"));
