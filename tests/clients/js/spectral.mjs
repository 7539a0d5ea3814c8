// Spectral lints the description by its rules for OpenAPI.
import { writeFile } from "node:fs/promises";
import { expect } from "./accord.mjs";
import { room, run } from "./generated/made.mjs";

const made = await room("spectral");
await writeFile(`${made}/rules.yaml`, "extends: spectral:oas\n");
const found = JSON.parse(run(made, "spectral", "lint", "openapi.json", "--ruleset", "rules.yaml", "--format", "json", "--quiet"));
const errors = found.filter(({ severity }) => severity === 0);
expect(errors.length === 0, JSON.stringify(errors));
console.log(`lint by the rules for OpenAPI: no error (${found.length} warnings)`);
