// A lesson that runs: its cells, one after the other, in a Python of its own.
import { Cell } from "./cell.js";
import { button } from "./elements.js";
import { Interpreter } from "./interpreter.js";
import { notePlayed } from "./kept.js";

export class Lesson {
  constructor(main, bar) {
    this.number = Number(main.dataset.lesson);
    this.bar = bar;
    this.ready = new Promise((resolve) => (this.isReady = resolve)); // Python is there, and has nothing to do
    this.begun = new Promise((resolve) => (this.hasBegun = resolve)); // a first cell has run, and nothing waits
    this.waiting = [];
    this.running = null;
    this.python = null;
    const cells = [...main.querySelectorAll(".cell")];
    this.cells = cells.map((element) => new Cell(element, this));
    this.all = button("Run all", () => this.#runAll());
    bar.buttons(this.all, button("Start over", () => this.startOver()));
  }

  load() {
    this.bar.loading();
    this.python = new Interpreter(this.number, (message) => this.#heard(message));
    return this.python;
  }

  // The shown cell after this one.
  after(cell) {
    return this.cells.slice(this.cells.indexOf(cell) + 1).find((one) => one.shown);
  }

  // Run a cell; before it, what is above it and has not run in this Python; after it, the answers that follow it.
  run(cell) {
    if (this.running === cell || this.waiting.includes(cell)) return;
    const at = this.cells.indexOf(cell);
    const above = this.cells.slice(0, at).filter((one) => !one.ran);
    const rest = this.cells.slice(at + 1);
    const end = rest.findIndex((one) => !one.answers);
    const answers = end < 0 ? rest : rest.slice(0, end);
    for (const one of [...above, cell, ...answers]) {
      if (one === this.running || this.waiting.includes(one)) continue;
      one.element.classList.add("waiting");
      this.waiting.push(one);
    }
    this.#next();
  }

  guessed(question, letter) {
    if (this.python?.state === "ready") this.python.post({ type: "guess", question, letter });
  }

  // Python is at something that does not end: it is given up, with all that it knew.
  stop() {
    const { running } = this;
    if (!running) return;
    const at = this.python.at;
    const where = this.cells.find((one) => one.id === (at?.cell ?? running.id)) ?? running;
    const line = at ? ` Python was at ${where.line(at.line)}${where === running ? "" : ` (${where.name})`}.` : "";
    this.#afresh();
    running.outputs.note(`Stopped.${line}`);
    this.advice = running.outputs.note(
      "Python starts afresh, and knows nothing of the cells above. ",
      button("Run the cells above again", () => this.#runAbove(running)),
    );
    this.bar.say(`${capital(running.name)} was stopped.`);
  }

  startOver() {
    this.#afresh();
    for (const cell of this.cells) cell.outputs?.clear();
  }

  // What has not run yet; once all have, all of them again.
  #runAll() {
    if (this.cells.every((cell) => cell.ran)) this.startOver();
    this.run(this.cells.findLast((cell) => cell.shown));
  }

  #runAbove(cell) {
    const above = this.cells.slice(0, this.cells.indexOf(cell)).findLast((one) => one.shown);
    if (above) this.run(above);
  }

  #afresh() {
    this.python?.end();
    this.#forget();
    this.running?.ended(false);
    this.running = null;
    for (const cell of this.cells) cell.ran = false;
    this.load();
  }

  #forget() {
    for (const cell of this.waiting) cell.element.classList.remove("waiting");
    this.waiting = [];
  }

  #next() {
    const python = this.python ?? this.load();
    if (python.state !== "ready" || this.running || !this.waiting.length) return;
    const cell = (this.running = this.waiting.shift());
    this.advice?.remove(); // somebody has gone on
    cell.begins();
    if (cell.shown) this.bar.say(`Running ${cell.name} …`);
    if (cell.guess) this.guessed(cell.question, cell.guess);
    python.post({ type: "run", cell: cell.id, source: cell.source });
  }

  #heard(message) {
    const cell = this.running;
    if (message.type === "loading") this.bar.loading(message.loaded, message.total);
    if (message.type === "failed") this.#failed(message.reason);
    if (message.type === "ready") {
      this.bar.ready();
      this.#next();
    }
    if (message.type === "output") cell?.output(message.output);
    if (message.type === "at" && cell) this.bar.detail(`line ${message.line}, ${Math.round(message.seconds)} s`);
    if (message.type === "ended" && cell) this.#ended(cell, message.ok);
    const done = this.cells.filter((one) => one.shown && one.ran).length;
    this.all.textContent = this.cells.every((one) => one.ran) ? "Run all again" : done ? "Run the rest" : "Run all";
    if (this.running || this.waiting.length || this.python.state !== "ready") return;
    this.isReady();
    if (this.cells.some((one) => one.ran)) this.hasBegun();
  }

  #ended(cell, ok) {
    this.running = null;
    cell.ended(ok || cell.fails);
    if (this.cells.every((one) => one.ran)) notePlayed(this.number);
    if (ok || cell.fails) {
      this.bar.say(cell.shown ? `${capital(cell.name)} has run.` : "");
    } else {
      const left = this.waiting.length ? " What comes after it has not run." : "";
      this.#forget();
      this.bar.say(`${capital(cell.name)} failed.${left}`);
    }
    this.#next();
  }

  // The page becomes what it is without a script: a text with stored outputs.
  #failed(reason) {
    this.#forget();
    this.bar.failed(`${reason} You can read the lesson: below each cell stands what it printed when it was stored.`);
    document.documentElement.classList.remove("live");
  }
}

function capital(words) {
  return words[0].toUpperCase() + words.slice(1);
}
