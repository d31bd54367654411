// The worker in which Python runs. What the page asks of it goes to lessons/browser/inside/page.py, and so do the answers.

const site = new URL("../", import.meta.url);
const needed = ["pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip", "course.zip"];
const waiting = []; // what was asked while Python was loading
let course = null;

self.onmessage = ({ data }) => {
  if (data.type === "start") start().catch((error) => failed(error));
  else if (course === null) waiting.push(data);
  else course.handle(JSON.stringify(data));
};

async function start() {
  const { files } = await (await fetch(new URL("manifest.json", site))).json();
  count(needed.reduce((sum, name) => sum + (files[name] ?? 0), 0));
  const { loadPyodide } = await import(new URL("pyodide/pyodide.mjs", site));
  const [python, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", site).href }),
    fetch(new URL("course.zip", site)).then((response) => response.arrayBuffer()),
  ]);
  python.unpackArchive(new Uint8Array(archive), "zip", { extractDir: "/course" });
  python.runPython("import os, sys; os.chdir('/course'); sys.path.insert(0, '/course')");
  const page = python.pyimport("lessons.browser.inside.page");
  course = page.start((message) => self.postMessage(JSON.parse(message)));
  self.postMessage({ type: "ready" });
  for (const asked of waiting) course.handle(JSON.stringify(asked));
}

function failed(error) {
  console.error(error);
  self.postMessage({ type: "failed", reason: `Python could not be loaded: ${error.message}` });
}

// From now on, say how much of the files that are needed has come.
function count(total) {
  const really = self.fetch;
  let loaded = 0;
  const counting = () =>
    new TransformStream({
      transform(chunk, controller) {
        loaded += chunk.byteLength;
        self.postMessage({ type: "loading", loaded: Math.min(loaded, total), total });
        controller.enqueue(chunk);
      },
    });
  self.fetch = async (what, options) => {
    const response = await really(what, options);
    const name = new URL(what.url ?? what, site).href.slice(site.href.length);
    if (!response.ok) throw new Error(`${name} is not there (${response.status})`);
    if (!needed.includes(name)) return response;
    const { status, headers } = response;
    return new Response(response.body.pipeThrough(counting()), { status, headers });
  };
}
