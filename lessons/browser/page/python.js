// The worker in which Python runs. What the page asks of it goes to lessons/browser/inside/page.py, and so do the answers.

const site = new URL("../", import.meta.url);
const needed = ["pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip", "course.snapshot", "course.pack"];
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
    if (asked.type === "check") await (checks ??= load("checks.pack").then(unpack));
    course.handle(JSON.stringify(asked));
  }
}

// What a check needs is loaded with the first one; or at once, for a worker of checks, and for lesson 5, which is about tests.
async function start({ lesson, checking = lesson === 5 }) {
  const { files } = await (await fetch(new URL("manifest.json", site))).json();
  if (checking) needed.push("checks.pack");
  const all = Object.keys(files).filter((name) => needed.includes(name) || name.startsWith("pyodide/"));
  const size = (names) => names.reduce((sum, name) => sum + (files[name] ?? 0), 0);
  count(size(all), size(all) - size(needed));
  const { loadPyodide } = await import(new URL("pyodide/pyodide.mjs", site));
  const [memory, ...packs] = needed.filter((name) => !name.startsWith("pyodide/")).map(load);
  for (const pack of packs) pack.catch(() => {}); // until somebody waits for it
  const indexURL = new URL("pyodide/", site).href;
  python = await loadPyodide({ indexURL, _loadSnapshot: memory, createPyodideModule: withRoomFor(memory) });
  for (const pack of packs) unpack(await pack);
  if (checking) checks = Promise.resolve();
  python.FS.chdir("/course");
  course = python.pyimport("lessons.browser.inside.page").start((message) => self.postMessage(JSON.parse(message)));
  self.postMessage({ type: "ready" });
}

// What Pyodide calls for a Python. `snapshot.mjs` kept the memory of one that had imported the course, which takes seconds.
// Here it goes into a new one, whose memory has to be as large first.
const withRoomFor = (memory) => async (settings) => {
  const { default: create } = await import(new URL("pyodide/pyodide.asm.mjs", site));
  const module = await create(settings);
  const { length } = await memory;
  while (module.HEAP8.length < length) module._malloc(length - module.HEAP8.length);
  return module;
};

async function load(name) {
  const { body } = await fetch(new URL(name, site));
  return new Uint8Array(await new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

// Put the files of a tar archive where Python finds them. A header of 512 bytes has the name and, in octal digits, the size.
function unpack(tar) {
  const text = (from, length) => new TextDecoder().decode(tar.subarray(from, from + length)).split("\0", 1)[0];
  for (let at = 0; tar[at]; ) {
    const name = `/course/${text(at, 100)}`;
    const [from, size] = [at + 512, parseInt(text(at + 124, 12), 8)];
    python.FS.mkdirTree(name.slice(0, name.lastIndexOf("/")));
    python.FS.writeFile(name, tar.subarray(from, from + size));
    at = from + 512 * Math.ceil(size / 512);
  }
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
