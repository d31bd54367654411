// node compile.mjs PYODIDE COMPILED.PY ARCHIVE…: see ../compiled.py, which this runs in Pyodide.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, program, ...archives] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: folder });
python.runPython(readFileSync(program, "utf8"));
for (const archive of archives) {
  python.FS.writeFile("/before.zip", readFileSync(archive));
  python.runPython('compile_all("/before.zip", "/after.zip")');
  writeFileSync(archive, python.FS.readFile("/after.zip"));
}
