// Redocly lints the description by the rules that it recommends.
import { expect } from "./accord.mjs";
import { room, run } from "./generated/made.mjs";

const made = await room("redocly");
const { totals } = JSON.parse(run(made, "redocly", "lint", "openapi.json", "--extends", "recommended", "--format", "json"));
expect(totals.errors === 0 && totals.ignored === 0, JSON.stringify(totals));
console.log(`lint by the recommended rules: no error (${totals.warnings} warnings)`);
