// What happens is shown as it happens. Without this script the page works, and stands still.
"use strict";

const page = document.documentElement;
const MOST_LINES = 150; // of each kind
const EVERY = 250; // ms between two looks
const PATIENCE = 5000; // ms that an answer may take
const STALE = 12 * EVERY; // ms after which what is shown is not called current any more
let ahead = 0; // seconds that the server's clock is ahead of ours
let last = Number(page.dataset.last); // the number of the last event that is shown
let current = Date.now(); // when what is shown was so
let looking = false;
let timer = null;

function seconds(number) {
  return `${Math.max(0, number).toFixed(1)} s`;
}

// Clocks: since a moment, and until one.
function tick() {
  const now = Date.now() / 1000 + ahead;
  for (const clock of document.querySelectorAll("[data-since]")) clock.textContent = seconds(now - clock.dataset.since);
  for (const clock of document.querySelectorAll("[data-until]")) {
    const left = clock.dataset.until - now;
    clock.textContent = left > 0 ? `in ${Math.ceil(left)} s` : clock.dataset.past;
  }
}
setInterval(tick, 100);

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim(); // escaped by the server
  return template.content.firstElementChild;
}

function atEnd(list) {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 120;
}

function show(line) {
  const list = document.getElementById(line.pane);
  if (document.getElementById(`line-${line.number}`)) return;
  const follow = atEnd(list);
  const before = line.replaces && list.querySelector(`[data-first="${line.replaces}"]`);
  const item = element(line.html);
  if (before) before.replaceWith(item);
  else list.append(item);
  if (line.request) document.querySelector(`#line-${line.request} [data-since]`)?.remove();
  // What the filter hides must not push out what it shows.
  const alike = list.querySelectorAll(item.classList.contains("chatter") ? "li.chatter" : "li:not(.chatter)");
  for (let oldest = 0; oldest < alike.length - MOST_LINES; oldest++) {
    if (!alike[oldest].contains(document.activeElement)) alike[oldest].remove(); // somebody reads that one
  }
  if (follow) list.scrollTop = list.scrollHeight;
  if (!item.classList.contains("chatter")) {
    const pane = list.closest(".pane");
    pane.classList.remove("moved");
    void pane.offsetWidth; // so that it flashes again
    pane.classList.add("moved");
  }
}

// Each look is a short request, and only tabs that are seen look: six that wait would use up the browser's connections.
async function look() {
  clearTimeout(timer);
  if (document.hidden || looking) return;
  looking = true;
  try {
    const answer = await fetch(`/events?after=${page.dataset.run}-${last}`, {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (!answer.ok) throw new Error(answer.statusText);
    const said = await answer.json();
    if (said.restarted) {
      location.reload();
      return;
    }
    ahead = said.now - Date.now() / 1000;
    for (const line of said.lines) show(line);
    if (said.both) compare(said.both);
    last = said.last;
    current = Date.now();
  } catch { /* it says so, and looks again */ }
  looking = false;
  sayWhetherCurrent();
  clearTimeout(timer);
  timer = setTimeout(look, EVERY);
}

function compare(html) {
  const both = document.getElementById("both");
  const focus = both.contains(document.activeElement) ? document.activeElement.getAttribute("href") ?? "" : null;
  both.innerHTML = html;
  // Where somebody's keyboard is, it stays; if that is gone, it is still in this part of the page.
  if (focus !== null) (both.querySelector(`a[href="${CSS.escape(focus)}"]`) ?? both).focus({ preventScroll: true });
  tick();
}

function sayWhetherCurrent() {
  const away = document.getElementById("away");
  const old = Date.now() - current > STALE;
  page.classList.toggle("away", old);
  const words = old ? `Not current since ${new Date(current).toLocaleTimeString("en-GB")}: the page’s server does not answer.` : "";
  if (away.textContent !== words) away.textContent = words;
}

document.addEventListener("visibilitychange", () => { sayWhetherCurrent(); look(); });
window.addEventListener("pageshow", look);
// A timer may be lost while a computer sleeps, and one that hangs would be silent: this one only looks at the clock.
setInterval(() => {
  if (document.hidden) return;
  sayWhetherCurrent();
  if (Date.now() - current > STALE) look();
}, 4 * EVERY);

// A form is sent without leaving the page, so that the panes are seen while one waits.
async function send(button, way, story) {
  const fields = new FormData();
  fields.set("email", document.getElementById("email").value);
  fields.set("thought", document.getElementById("thought").value);
  fields.set("way", way);
  fields.set("story", story);
  const answer = document.getElementById("answer");
  const wrong = document.getElementById("wrong");
  wrong.textContent = "";
  answer.textContent = "";
  button.disabled = true;
  button.classList.add("waits");
  try {
    const response = await fetch("/mails", { method: "POST", body: fields, headers: { Accept: "application/json" } });
    const said = await response.json();
    answer.classList.toggle("bad", !response.ok);
    if (said.wrong) wrong.textContent = said.wrong;
    else if (response.ok) answer.textContent = said.jid ? `${said.answer} (job ${said.jid})` : said.answer;
    else answer.textContent = `${response.status} Internal Server Error. ${said.answer}`;
  } catch {
    wrong.textContent = "The page's server does not answer: it was stopped.";
  }
  button.disabled = false;
  button.classList.remove("waits");
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter ?? event.target.querySelector("button");
  const story = event.target.elements.story?.value ?? "plain";
  if (button.value === "both") {
    send(button, "perform_async", story);
    send(button, "perform", story);
  } else {
    send(button, button.value, story);
  }
});

for (const list of document.querySelectorAll(".pane ol")) list.scrollTop = list.scrollHeight;
document.getElementById("filter").addEventListener("change", () => {
  const list = document.getElementById("redis");
  list.scrollTop = list.scrollHeight;
});
look();
