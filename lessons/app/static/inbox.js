// New mails appear without reloading.
"use strict";

const EVERY = 700; // ms between two looks
const PATIENCE = 5000; // ms that an answer may take
const STALE = 7 * EVERY; // ms after which what is shown is not called current any more
const list = document.getElementById("mails");
let known = null;
let current = Date.now(); // when what is shown was so
let looking = false;
let timer = null;

async function look() {
  clearTimeout(timer);
  if (document.hidden || looking) return;
  looking = true;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetch(`${list.dataset.url}?selected=${list.dataset.selected}`, { cache: "no-store", signal });
    const html = await answer.text();
    if (answer.ok && html !== known) {
      // Where somebody's keyboard is, it stays.
      const focus = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      list.innerHTML = html;
      if (focus) list.querySelector(`a[href="${focus}"]`)?.focus({ preventScroll: true });
      known = html;
    }
    if (answer.ok) current = Date.now();
  } catch { /* it says so, and looks again */ }
  looking = false;
  sayWhetherCurrent();
  clearTimeout(timer);
  timer = setTimeout(look, EVERY);
}

function sayWhetherCurrent() {
  const away = document.getElementById("away");
  const old = Date.now() - current > STALE;
  const words = old ? `Not current since ${new Date(current).toLocaleTimeString("en-GB")}: the inbox’s server does not answer.` : "";
  if (away.textContent !== words) away.textContent = words;
}

document.addEventListener("visibilitychange", () => { sayWhetherCurrent(); look(); });
window.addEventListener("pageshow", look);
// A timer may be lost while a computer sleeps, and one that hangs would be silent: this one only looks at the clock.
setInterval(() => {
  if (document.hidden) return;
  sayWhetherCurrent();
  if (Date.now() - current > STALE) look();
}, EVERY);

look();
