// openapi-typescript makes types of the description, by which openapi-fetch calls an operation of each API.
import { compiled, room, run } from "./generated/made.mjs";

const made = await room("openapi-typescript");
run(made, "openapi-typescript", "openapi.json", "--output", "schema.ts");
console.log(await compiled(made, "openapi-typescript"));
