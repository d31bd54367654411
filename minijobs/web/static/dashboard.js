// Liveness, and nothing else: every page works without this file.
//
// Every two seconds the page is fetched anew, and what has changed in its live parts is patched in: a row that stays is the
// same row, so what is focused, checked or unfolded stays as it is. What is drawn from that is the graph of the last minutes.
// Whatever keeps it from being fetched, a sleeping computer included, the page says since when it has not been.

"use strict";

(() => {
  const EVERY = 2000; // ms between two looks
  const PATIENCE = 10000; // ms that an answer may take
  const STALE = 3 * EVERY; // ms after which what is shown is not called current any more
  const CLOCK_OFF = 5; // s by which the visitor's clock may differ from Redis's
  const WINDOW = 10; // s over which a rate is taken: processes tell their numbers every 5 s
  const SPAN = 300; // s that the graph shows

  const HERE = `minijobs ${document.querySelector(".brand").href}`; // the same browser may show several dashboards
  const nav = document.getElementById("nav");
  const button = document.getElementById("liveness");

  // What a visitor may keep, if the browser lets him
  const keep = {
    read(store, name, otherwise) {
      try { return JSON.parse(store.getItem(name)) ?? otherwise; } catch { return otherwise; }
    },
    write(store, name, value) {
      try { store.setItem(name, JSON.stringify(value)); } catch { /* then not */ }
    },
  };

  // Patching

  const OWN = new Set(["open", "checked"]); // attributes that are the visitor's

  function alike(old, fresh) {
    return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName
      && old.dataset?.key === fresh.dataset?.key && old.id === fresh.id;
  }

  function patch(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.hasAttribute("data-keep")) return;
    for (const { name, value } of fresh.attributes) {
      if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    let here = filled(old.firstChild);
    const staying = new Set([...fresh.childNodes].map((node) => node.dataset?.key).filter(Boolean));
    for (const wanted of [...fresh.childNodes].filter((node) => filled(node) === node)) {
      // A row that has left is taken away; the others are not moved, for what is moved loses its focus.
      while (here?.dataset?.key && !staying.has(here.dataset.key)) here = remove(here);
      if (here && alike(here, wanted)) {
        patch(here, wanted);
        here = filled(here.nextSibling);
        continue;
      }
      const later = wanted.dataset?.key && [...old.children].find((node) => alike(node, wanted));
      if (later) patch(later, wanted);
      old.insertBefore(later || document.importNode(wanted, true), here);
      if (here && !here.dataset?.key && !later) here = remove(here);
    }
    while (here) here = remove(here);
  }

  // This node, or the next one that is not just the space between two
  function filled(node) {
    while (node?.nodeType === Node.TEXT_NODE && !node.nodeValue.trim()) node = node.nextSibling;
    return node;
  }

  function remove(node) {
    const next = filled(node.nextSibling);
    node.remove();
    return next;
  }

  // The graph

  let samples = keep.read(sessionStorage, HERE, []);

  function sample() {
    const at = Date.now() / 1000;
    const last = samples.at(-1);
    const one = [at, ...["processed", "failed", "waiting"].map((name) => Number(nav.dataset[name]))];
    if (last && (one[1] < last[1] || at < last[0] || last.length < one.length)) samples = []; // counted anew from 0
    samples = [...samples.filter(([then]) => then > at - SPAN - WINDOW), one];
    keep.write(sessionStorage, HERE, samples);
  }

  function rates(column) {
    return samples.flatMap((one, index) => {
      const before = samples.slice(0, index).findLast(([then]) => then <= one[0] - WINDOW + 0.5) ?? samples[0];
      const seconds = one[0] - before[0];
      return seconds < 1 ? [] : [[one[0], (one[column] - before[column]) / seconds]];
    });
  }

  function roundUp(value) {
    const unit = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
    return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((step) => step >= value);
  }

  function draw() {
    const graph = document.getElementById("graph");
    if (!graph) return;
    graph.hidden = false;
    const [done, failed] = [rates(1), rates(2)];
    const top = roundUp(Math.max(...done.map(([, rate]) => rate), 1));
    const now = Date.now() / 1000;
    const line = (points) => points
      .map(([at, rate]) => `${(300 * (1 - (now - at) / SPAN)).toFixed(1)} ${(100 - (100 * rate) / top).toFixed(1)}`)
      .join("L");
    const set = (id, shape) => document.getElementById(id).setAttribute("d", shape);
    const visible = (points) => points.filter(([at]) => at >= now - SPAN);
    const [shown, bad] = [line(visible(done)), line(visible(failed))];
    set("graph-done", shown && `M${shown}`);
    set("graph-failed", bad && `M${bad}`);
    set("graph-area", shown && `M${shown}V100H${shown.split(" ")[0]}Z`);
    if (done.length === 0) return;
    const say = (rate) => (rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en"));
    document.getElementById("graph-top").textContent = top.toLocaleString("en");
    document.getElementById("graph-said").textContent =
      `${say(done.at(-1)[1])} a second, ${say(failed.at(-1)[1])} failed`;
    const more = rates(3).at(-1)[1];
    document.getElementById("graph-waiting").textContent = Math.abs(more) < 0.05 ? "As many jobs come into the queues as leave them."
      : `The queues ${more > 0 ? "grow" : "shrink"} by ${say(Math.abs(more))} ${say(Math.abs(more)) === "1.0" ? "job" : "jobs"} a second.`;
  }

  // Times: the server writes UTC, and that stays in the tooltip

  const two = (number) => String(number).padStart(2, "0");
  const timeOfDay = (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

  function localize(root) {
    for (const time of root.querySelectorAll("time.exact[datetime]")) {
      const at = new Date(time.getAttribute("datetime"));
      if (Number.isNaN(at.getTime())) continue;
      time.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeOfDay(at)}`;
    }
  }

  function sayZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "yours";
    document.getElementById("zone").textContent = `Times are local (${zone}); each shows UTC when pointed at.`;
  }

  function compareClocks(fresh) {
    const ahead = Date.now() / 1000 - Number(fresh.getElementById("nav").dataset.now);
    const note = document.getElementById("your-clock");
    note.hidden = !(Math.abs(ahead) > CLOCK_OFF);
    const seconds = Math.round(Math.abs(ahead));
    const far = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
    note.textContent = note.hidden ? "" : `This computer’s clock is ${far} ${ahead > 0 ? "ahead of" : "behind"} Redis’s.`;
  }

  localize(document);
  sayZone();

  // A page that could not be shown is tried again, until it can be

  async function again() {
    try {
      const options = { headers: { "X-Live": "1" }, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) };
      if ((await fetch(location.href, options)).ok) location.reload();
    } catch { /* not yet */ }
    setTimeout(again, EVERY);
  }
  if (document.querySelector("main[data-again]")) setTimeout(again, EVERY);

  // A search that has not filled its page yet goes on by itself, and shows what it finds as it comes

  async function searchOn(list) {
    const more = list.querySelector("[data-more]");
    if (!more) return;
    const [word, lead] = [more.textContent, list.querySelector("[data-found]")];
    more.textContent = "Searching…";
    try {
      const answer = await fetch(more.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const part = fresh.getElementById(list.id);
      if (!answer.ok || !part) throw new Error(answer.statusText);
      const [rows, found, next] = [part.querySelectorAll("tbody tr"), part.querySelector("[data-found]"), part.querySelector("nav.pager")];
      const body = list.querySelector("tbody");
      if (rows.length > 0 && !body) { // the first ones: now there is a table to show
        lead.replaceChildren(...found.childNodes);
        found.replaceWith(lead);
        list.replaceChildren(...[...part.childNodes].map((node) => document.adoptNode(node)));
      } else {
        body?.append(...rows);
        addChips(list, part);
        lead.replaceChildren(...found.childNodes);
        const nav = more.closest("nav");
        if (next) nav.replaceWith(next);
        else nav.remove();
      }
      const shown = list.querySelectorAll("tbody tr").length;
      lead.textContent = lead.textContent.replace(/^[\d,]+ jobs?/, shown === 1 ? "1 job" : `${shown.toLocaleString("en")} jobs`)
        .replace(/ that contains? /, shown === 1 ? " that contains " : " that contain ")
        .replace(/ among the [\d,]+\. to ([\d,]+)\./, next ? " among the first $1" : ",");
      const link = list.querySelector("nav.pager [href*='from=']");
      if (link && shown >= Number(list.dataset.page)) {
        link.removeAttribute("data-more");
        link.textContent = "Next";
      }
      offerAll();
      searchOn(list);
    } catch {
      more.textContent = word; // the link is still there
    }
  }

  // The chips of what has come, with those that were there
  function addChips(list, part) {
    for (const chip of part.querySelectorAll(".chips .chip:has(small)")) {
      const same = [...list.querySelectorAll(".chips .chip:has(small)")].find((old) => old.href === chip.href);
      const [count, more] = [same, chip].map((one) => Number(one?.querySelector("small").textContent.replaceAll(",", "")));
      if (same) same.querySelector("small").textContent = (count + more).toLocaleString("en");
      else [...list.querySelectorAll(`.chips .chip.${chip.classList[1]}`)].at(-1)?.after(chip);
    }
  }

  // What takes several requests goes on by itself

  document.querySelector("form[data-go-on]")?.requestSubmit(document.querySelector("form[data-go-on] .strong"));

  // Looking again and again

  let live = keep.read(localStorage, `${HERE} live`, true);
  let timer = null;
  let looking = false;
  let current = Date.now(); // when what is shown was so
  let why = "";

  async function look() {
    clearTimeout(timer);
    if (!live || document.hidden || looking) return;
    looking = true;
    try {
      const answer = await fetch(location.href, {
        headers: { "X-Live": "1" },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok) throw new Refusal(fresh.querySelector(".ask h1")?.textContent ?? answer.statusText);
      if (live) {
        const focus = document.activeElement;
        localize(fresh);
        for (const part of document.querySelectorAll("[data-live]")) {
          const next = fresh.getElementById(part.id);
          if (next) patch(part, next);
        }
        keepFocus(focus);
        offerAll();
        sample();
        draw();
        compareClocks(fresh);
        current = Date.now();
      }
    } catch (error) {
      why = error instanceof Refusal ? error.message : "The server does not answer";
      failed = true;
    }
    looking = false;
    say();
    clearTimeout(timer);
    timer = setTimeout(look, EVERY);
  }

  class Refusal extends Error {}

  let failed = false;

  function say() {
    const old = Date.now() - current;
    if (old < EVERY) failed = false;
    if (!live) tell("Paused", `Paused since ${timeOfDay(new Date(current))}`);
    else if (failed || old > STALE) tell("Old", `Not current since ${timeOfDay(new Date(current))}`);
    else tell("Live", "Live");
  }

  function tell(state, words) {
    const said = button.querySelector(".word");
    if (said.textContent === words) return;
    button.className = { Paused: "paused", Old: "away" }[state] ?? "";
    button.title = state === "Paused" ? "Refresh again" : "Stop refreshing";
    const before = button.dataset.state;
    if (before !== state && [before, state].includes("Old")) {
      document.getElementById("away").textContent = state === "Old" ? `${why || "The page was not refreshed"}. ${words}.` : "";
    }
    button.dataset.state = state;
    said.textContent = words;
  }

  // An element that was moved has lost its focus, and gets it back. If it is gone, its part of the page gets it: no other
  // element may, or a key would do what nobody pointed at.
  function keepFocus(element) {
    if (!element || element === document.body || document.activeElement === element) return;
    if (element.isConnected) {
      element.focus({ preventScroll: true });
      return;
    }
    const part = partOf.get(element) ?? document.getElementById("main");
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
  }

  // Where the focus was last, known even when the element is not in the page any more
  const partOf = new WeakMap();
  document.addEventListener("focusin", ({ target }) => {
    const part = target.closest?.("[data-live]");
    if (part) partOf.set(target, part);
  });

  // All on this page

  const boxes = (form) => [...form.querySelectorAll("input[name=key]")];

  function offerAll() {
    document.querySelectorAll("[data-select-all]").forEach((box) => {
      box.closest("label").hidden = false;
      const checked = boxes(box.form).filter((one) => one.checked).length;
      box.checked = checked > 0 && checked === boxes(box.form).length;
      box.indeterminate = checked > 0 && !box.checked;
    });
  }

  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-select-all]")) boxes(target.form).forEach((one) => { one.checked = target.checked; });
    offerAll();
  });
  offerAll();
  document.querySelectorAll("[data-list]").forEach(searchOn);

  if (!nav.dataset.now || document.querySelectorAll("main [data-live]:not(#clocks)").length === 0) return;
  button.hidden = false;
  say();
  button.addEventListener("click", () => {
    live = !live;
    keep.write(localStorage, `${HERE} live`, live);
    if (live) failed = false;
    say();
    look();
  });
  for (const event of ["visibilitychange", "pageshow", "online"]) {
    (event === "visibilitychange" ? document : window).addEventListener(event, () => { say(); look(); });
  }
  sample();
  draw();
  timer = setTimeout(look, EVERY);
  // A timer may be lost while a computer sleeps, and one that hangs would be silent: this one only looks at the clock.
  setInterval(() => {
    say();
    if (Date.now() - current > STALE) look();
  }, EVERY / 2);
})();
