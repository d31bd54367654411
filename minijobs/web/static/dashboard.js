// Liveness, and nothing else: every page works without this file.
//
// Every two seconds the page is fetched anew, and what has changed in its live parts is patched in: a row that stays is the
// same row, so what is focused, checked or unfolded stays as it is. What is drawn from that is the graph of the last minutes.

"use strict";

(() => {
  const EVERY = 2000; // ms between two looks
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
    const one = [at, Number(nav.dataset.processed), Number(nav.dataset.failed)];
    if (last && (one[1] < last[1] || at < last[0])) samples = []; // counted anew from 0
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
    document.getElementById("no-graph").hidden = true;
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
  }

  // Looking again and again

  let live = keep.read(localStorage, `${HERE} live`, true);
  let timer = null;

  async function look() {
    clearTimeout(timer);
    if (!live || document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" }, cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (live) {
        for (const part of document.querySelectorAll("[data-live]")) {
          const next = fresh.getElementById(part.id);
          if (next) patch(part, next);
        }
        offerAll();
        sample();
        draw();
        tell("Live");
      }
    } catch {
      tell("No answer");
    }
    clearTimeout(timer);
    timer = setTimeout(look, EVERY);
  }

  function tell(word) {
    const said = button.querySelector(".word");
    if (said.textContent === word) return;
    button.className = { Paused: "paused", "No answer": "away" }[word] ?? "";
    button.title = word === "Paused" ? "Refresh again" : "Stop refreshing";
    if ([word, said.textContent].includes("No answer")) {
      document.getElementById("away").textContent = word === "No answer" ? "The server does not answer." : "";
    }
    said.textContent = word;
  }

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

  if (!nav || document.querySelectorAll("main [data-live]").length === 0) return;
  button.hidden = false;
  tell(live ? "Live" : "Paused");
  button.addEventListener("click", () => {
    live = !live;
    keep.write(localStorage, `${HERE} live`, live);
    tell(live ? "Live" : "Paused");
    look();
  });
  document.addEventListener("visibilitychange", look);
  sample();
  draw();
  timer = setTimeout(look, EVERY);
})();
