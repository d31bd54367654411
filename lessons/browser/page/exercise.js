// The exercise: an editor, and what can be asked about it. It is checked in a Python of its own.
import { editor } from "./editor.js";
import { button, paragraph } from "./elements.js";
import { Interpreter } from "./interpreter.js";
import { keep, kept, keepProgress, progress } from "./kept.js";
import { filled, markdown } from "./markdown.js";

const LONGEST = 60; // seconds that a check may take
const BUTTONS = /^(A hint|What is next): /; // said in a terminal; here the buttons and the links are in sight

export class Exercise {
  constructor(element, lesson) {
    this.lesson = lesson;
    this.draft = `exercise-${lesson}`;
    const code = element.querySelector("pre.code");
    this.stub = code.textContent.replace(/\n$/, "") + "\n";
    this.editor = editor(code, {
      label: "Your exercise, Python. Escape, then Tab, leaves the editor.",
      text: kept(this.draft) ?? this.stub,
      changed: (text) => keep(this.draft, text === this.stub ? null : text),
      run: () => this.#ask("check"),
      tabIndents: true,
      numbers: true,
    });
    this.buttons = [
      button("Check", () => this.#ask("check")),
      button("Hint", () => this.#ask("hint")),
      button("Solution", () => this.#ask("solution")),
      button("Reset", () => this.#reset()),
    ];
    this.buttons[0].className = "main";
    this.stops = button("Stop", () => this.#stop("Stopped."));
    this.stops.hidden = true;
    this.said = document.createElement("div");
    this.said.className = "check";
    this.said.setAttribute("role", "status");
    const tools = document.createElement("div");
    tools.className = "tools";
    tools.append(...this.buttons, this.stops);
    element.append(paragraph("small", "Tab indents. To leave the editor by keyboard, press Escape, then Tab."), tools, this.said);
  }

  // Load the Python that checks, so that the first check need not wait.
  warm() {
    if (this.python?.state === "loading" || this.python?.state === "ready") return;
    this.python = new Interpreter(this.lesson, (message) => this.#heard(message), { checking: true });
  }

  async #ask(what, more = {}) {
    if (this.asked) return;
    this.asked = what;
    for (const one of this.buttons) one.disabled = true;
    this.said.replaceChildren(paragraph("small", what === "check" ? "Your exercise is being checked …" : "One moment …"));
    this.warm();
    const { python } = this;
    this.slow = setTimeout(() => (this.stops.hidden = false), 2000);
    try {
      await python.ready;
    } catch (error) {
      return this.#done(paragraph("", error.message));
    }
    if (python !== this.python) return;
    if (what === "check") this.late = setTimeout(() => this.#stop(`Stopped after ${LONGEST} seconds.`), LONGEST * 1000);
    const answer = what === "check" ? { answer: this.editor.text() } : more;
    python.post({ type: what, lesson: this.lesson, kept: progress(), ...answer });
  }

  #heard(message) {
    if (message.type !== "said" || message.to !== this.asked) return;
    keepProgress(message.kept);
    const refused = message.to === "solution" && message.passed === false;
    const anyway = refused ? [button("Show it anyway", () => this.#ask("solution", { force: true }))] : [];
    this.#done(...pieces(message.pieces.filter(([, words]) => !BUTTONS.test(words))), ...anyway);
  }

  #stop(words) {
    const at = this.python.at;
    const text = at ? this.editor.line(at.line) : "";
    const line = at ? ` Your answer was at line ${at.line}${text ? ": " : ""}` : "";
    const shown = Object.assign(document.createElement("code"), { textContent: text });
    this.python.end();
    this.#done(paragraph("", `${words}${line}`, ...(text ? [shown] : []), line ? ". A check that takes so long is usually a loop without an end." : ""));
    this.warm();
  }

  #done(...content) {
    clearTimeout(this.slow);
    clearTimeout(this.late);
    this.asked = null;
    for (const one of this.buttons) one.disabled = false;
    this.stops.hidden = true;
    this.said.replaceChildren(...content);
  }

  #reset() {
    const before = this.editor.text();
    if (before === this.stub) return this.said.replaceChildren(paragraph("", "Your exercise is as it was handed out."));
    this.editor.put(this.stub);
    const undo = button("Bring my answer back", () => (this.editor.put(before), this.said.replaceChildren()));
    this.said.replaceChildren(paragraph("", "Your exercise is as it was handed out. ", undo));
  }
}

// What Python said: [["ok" | "no" | "text" | "markdown", words], …].
function pieces(said) {
  return said.map(([kind, words]) => {
    if (kind === "markdown") return markdown(words);
    if (kind === "text") return labelled(words);
    const line = filled("p", words);
    line.className = kind;
    line.prepend(bold(kind === "ok" ? "✓ " : "✗ "));
    return line;
  });
}

// "Expected: …", "Instead: …", with the label in bold.
function labelled(words) {
  const [, label = "", rest] = words.match(/^([A-Z][a-z]+(?: \w+)?:)? ?([^]*)$/);
  return paragraph("line", ...(label ? [bold(`${label} `)] : []), rest);
}

function bold(text) {
  return Object.assign(document.createElement("b"), { textContent: text });
}
