// Keeps all files of the site, so that it works without a network. VERSION is put in when the site is built.
const VERSION = "VERSION";
const SITE = new URL("./", self.location);
const OURS = `minijobs ${SITE.pathname} `; // another site may be on this host
const CACHE = OURS + VERSION;

self.addEventListener("install", (event) => {
  event.waitUntil(keepAll().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && url.href.startsWith(SITE.href)) event.respondWith(answer(event.request, url));
});

async function keepAll() {
  const { files } = await (await fetch(new URL("manifest.json", SITE))).json();
  const cache = await caches.open(CACHE);
  await cache.addAll(["./", "manifest.json", ...Object.keys(files)].map((name) => new URL(name, SITE)));
}

async function forgetOthers() {
  const names = (await caches.keys()).filter((name) => name.startsWith(OURS) && name !== CACHE);
  await Promise.all(names.map((name) => caches.delete(name)));
}

// Python itself is large and changes with its version only: what is kept is as good. Of everything else the newest is better.
async function answer(request, url) {
  const cache = await caches.open(CACHE);
  const kept = () => cache.match(request, { ignoreSearch: true });
  if (url.pathname.includes("/pyodide/")) return (await kept()) ?? fetch(request);
  try {
    return await fetch(request);
  } catch (error) {
    const found = await kept();
    if (found) return found;
    throw error;
  }
}
