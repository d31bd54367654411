// The worker in which Python runs. What the page asks of it goes to lessons/browser/inside/page.py, and so do the answers.

const site = new URL("../", import.meta.url);
const needed = ["pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip", "course.zip"];
let python = null;
let course = null;
let checks = null;
let last = Promise.resolve(); // one message after the other

self.onmessage = ({ data }) => {
  last = last.then(() => answer(data)).catch(failed);
};

async function answer(asked) {
  if (asked.type === "start") await start(asked);
  else if (course !== null) {
    if (asked.type === "check") await (checks ??= unpack(load("checks.zip")));
    course.handle(JSON.stringify(asked));
  }
}

// What a check needs is loaded with the first one; or at once, for a worker of checks, and for lesson 5, which is about tests.
async function start({ lesson, checking = lesson === 5 }) {
  const { files } = await (await fetch(new URL("manifest.json", site))).json();
  if (checking) needed.push("checks.zip");
  const all = Object.keys(files).filter((name) => needed.includes(name) || name.startsWith("pyodide/"));
  const size = (names) => names.reduce((sum, name) => sum + (files[name] ?? 0), 0);
  count(size(all), size(all) - size(needed));
  const { loadPyodide } = await import(new URL("pyodide/pyodide.mjs", site));
  const archives = needed.filter((name) => !name.startsWith("pyodide/")).map(load);
  for (const archive of archives) archive.catch(() => {}); // until somebody waits for it
  python = await loadPyodide({ indexURL: new URL("pyodide/", site).href });
  for (const archive of archives) await unpack(archive);
  if (checking) checks = Promise.resolve();
  python.runPython("import os, sys; os.chdir('/course'); sys.path.insert(0, '/course')");
  const page = python.pyimport("lessons.browser.inside.page");
  course = page.start((message) => self.postMessage(JSON.parse(message)));
  self.postMessage({ type: "ready" });
}

const load = (name) => fetch(new URL(name, site)).then((response) => response.arrayBuffer());

async function unpack(archive) {
  python.unpackArchive(new Uint8Array(await archive), "zip", { extractDir: "/course" });
}

function failed(error) {
  console.error(error);
  const what = course === null ? "Python could not be loaded" : "Something went wrong in Python";
  self.postMessage({ type: "failed", reason: `${what}: ${error.message}` });
}

// From now on, say how much of the files has come. What is imported, and not fetched, counts as come.
function count(total, loaded) {
  const really = self.fetch;
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
