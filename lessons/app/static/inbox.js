// New mails appear without reloading.
"use strict";

const list = document.getElementById("mails");
let known = null;

async function look() {
  try {
    const answer = await fetch(`${list.dataset.url}?selected=${list.dataset.selected}`);
    const html = await answer.text();
    if (answer.ok && html !== known) {
      // Where somebody's keyboard is, it stays.
      const focus = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      list.innerHTML = html;
      if (focus) list.querySelector(`a[href="${focus}"]`)?.focus();
      known = html;
    }
  } catch {
    // Stopped; it may come back.
  }
  setTimeout(look, 700);
}

look();
