// What happens is shown as it happens. Without this script the page works, and stands still.
"use strict";

const page = document.documentElement;
const MOST_LINES = 150; // of each kind
let ahead = 0; // seconds that the server's clock is ahead of ours

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
  const before = line.replaces && document.getElementById(`line-${line.replaces}`);
  const item = element(line.html);
  if (before) before.replaceWith(item);
  else list.append(item);
  if (line.request) document.querySelector(`#line-${line.request} [data-since]`)?.remove();
  // What the filter hides must not push out what it shows.
  const alike = list.querySelectorAll(item.classList.contains("chatter") ? "li.chatter" : "li:not(.chatter)");
  for (let oldest = 0; oldest < alike.length - MOST_LINES; oldest++) alike[oldest].remove();
  if (follow) list.scrollTop = list.scrollHeight;
  if (!item.classList.contains("chatter")) {
    const pane = list.closest(".pane");
    pane.classList.remove("moved");
    void pane.offsetWidth; // so that it flashes again
    pane.classList.add("moved");
  }
}

function listen() {
  const events = new EventSource(`/events?after=${page.dataset.run}-${page.dataset.last}`);
  events.addEventListener("now", (event) => {
    ahead = JSON.parse(event.data).now - Date.now() / 1000;
    page.classList.remove("away");
  });
  events.addEventListener("line", (event) => show(JSON.parse(event.data)));
  events.addEventListener("both", (event) => {
    document.getElementById("both").innerHTML = JSON.parse(event.data).html;
    tick();
  });
  events.addEventListener("restarted", () => location.reload());
  events.addEventListener("error", () => page.classList.add("away"));
}

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
listen();
