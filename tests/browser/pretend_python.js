// In the place of the worker with Python: it answers as that does, at once, and runs nothing. What it was sent, it tells.
let runs = 0;
const guesses = {};
const post = (message) => self.postMessage(message);

self.onmessage = ({ data }) => {
  if (data.type === "start") {
    post({ type: "loading", loaded: 1_000_000, total: 2_000_000 });
    post({ type: "ready" });
  }
  if (data.type === "guess") guesses[data.question] = data.letter;
  if (data.type === "run") run(data);
  if (data.type === "check") check(data);
  if (data.type === "hint") said("hint", null, [["markdown", "**Hint 1 of 4.** Look at `create`."]]);
  if (data.type === "solution") {
    if (data.force) said("solution", true, [["markdown", "So:"], ["markdown", "```python\nx = 1\n```"]]);
    else said("solution", false, [["text", "Not yet."]]);
  }
};

function run({ cell, source }) {
  if (source.includes("while True")) forever(cell, 2);
  const text = `run ${++runs}: ${cell}, ${JSON.stringify(guesses)}\n`;
  post({ type: "output", cell, output: { kind: "stream", text } });
  const ok = !source.includes("raise");
  if (!ok) post({ type: "output", cell, output: { kind: "error", text: "ValueError: no" } });
  if (source.includes("keys()")) post({ type: "output", cell, output: { kind: "display", data: { "text/html": TABLE } } });
  post({ type: "ended", cell, ok });
}

function check({ answer, kept }) {
  if (answer.includes("while True")) forever("check", 2);
  const passed = answer.includes("perform_async");
  const pieces = [["ok", "It answers."], [passed ? "ok" : "no", "It answers at once."], ["text", "create calls send_gif itself."]];
  said("check", passed, pieces, { ...kept, 1: { ...kept["1"], passed } });
}

function said(to, passed, pieces, kept = {}) {
  post({ type: "said", to, passed, pieces, kept });
}

function forever(cell, line) {
  post({ type: "at", cell, line, seconds: 1 });
  for (;;);
}

const TABLE = `<table><thead><tr><th scope="col"></th><th scope="col">key</th><th scope="col">holds</th></tr></thead><tbody><tr>
<td>+</td><th scope="row">queue:default</th><td><pre>+ { class: "SendGifToUserWorker" }${" ".repeat(200)}the end</pre></td></tr></tbody></table>`;
