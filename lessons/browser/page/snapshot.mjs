// node snapshot.mjs PYODIDE COURSE SNAPSHOT: keep the memory of a Python that has imported what a page needs from the folder of
// the course, so that no browser has to do it. Says which compiled modules are in there.

import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, course, snapshot] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: folder, _makeSnapshot: true });
python.mountNodeFS("/course", course);
python.runPython("import sys; sys.path.insert(0, '/course')");
const page = python.pyimport("lessons.browser.inside.page");
page.load();
page.destroy();
console.log(
  python.runPython(`'\\n'.join(spec.cached for spec in [getattr(module, '__spec__', None) for module in sys.modules.values()]
    if getattr(spec, 'cached', None) and spec.cached.startswith('/course/'))`),
);
python.runPython("import gc; gc.collect()");
writeFileSync(snapshot, python.makeMemorySnapshot());
