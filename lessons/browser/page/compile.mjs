// node compile.mjs PYODIDE COURSE.ZIP COMPILED.PY: see ../compiled.py, which this runs in Pyodide.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, archive, program] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: folder });
python.FS.writeFile("/before.zip", readFileSync(archive));
python.runPython(readFileSync(program, "utf8"));
python.runPython('compile_all("/before.zip", "/after.zip")');
writeFileSync(archive, python.FS.readFile("/after.zip"));
