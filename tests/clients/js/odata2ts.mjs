// odata2ts makes a client of the metadata of the lists.
import { rename, rm, writeFile } from "node:fs/promises";
import { compiled, room, run } from "./generated/made.mjs";

const made = await room("odata2ts", "/api/$metadata", "metadata.xml");
const tsconfig = `${made}/tsconfig.json`;
await writeFile(tsconfig, '{ "compilerOptions": { "strict": true, "target": "es2022", "module": "commonjs" } }');
run(made, "odata2ts", "--source", "metadata.xml", "--output", "made", "--mode", "all", "--emit-mode", "ts", "--service-name", "Accord");
await rm(tsconfig);
for (const file of ["AccordModel.ts", "AccordService.ts", "QAccord.ts"]) await rename(`${made}/made/${file}`, `${made}/${file}`);
// What is made names its files without their endings.
console.log(await compiled(made, "odata2ts", ["--module", "commonjs", "--moduleResolution", "node10"]));
