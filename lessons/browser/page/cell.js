// A cell: code that can be changed and run, and what it printed. Or one that is not shown, and asks or answers a question.
import { editor } from "./editor.js";
import { button } from "./elements.js";
import { keep, kept } from "./kept.js";
import { Outputs } from "./outputs.js";
import { questionOf } from "./question.js";

export class Cell {
  constructor(element, lesson) {
    this.element = element;
    this.lesson = lesson;
    this.id = element.id;
    this.number = Number(element.dataset.number) || null;
    this.answers = "answer" in element.dataset;
    this.fails = "fails" in element.dataset; // as the lesson has it
    this.ran = false;
    const code = element.querySelector("pre.code");
    this.original = code.textContent.replace(/\n$/, "");
    this.question = null; // what it asks, and what was guessed
    this.guess = null;
    if ("question" in element.dataset) {
      const guessed = (question, letter) => ((this.guess = letter), lesson.guessed(question, letter));
      this.question = questionOf(element.querySelector(".question"), guessed);
    } else {
      this.outputs = new Outputs(element.querySelector(".output"), (question, letter) => lesson.guessed(question, letter));
    }
    if (this.shown) this.#becomeEditable(code);
  }

  get shown() {
    return this.number !== null;
  }

  get name() {
    return this.shown ? `cell ${this.number}` : "a question";
  }

  get source() {
    return this.editor ? this.editor.text() : this.original;
  }

  // Where Python is, in words.
  line(number) {
    const text = this.editor?.line(number);
    return text ? `line ${number}: ${text}` : `line ${number}`;
  }

  begins() {
    this.element.classList.add("running");
    this.outputs?.clear();
    if (!this.shown) return;
    this.runs.disabled = true;
    this.tooLong = setTimeout(() => (this.stops.hidden = false), 2000);
  }

  ended(ok) {
    clearTimeout(this.tooLong);
    this.element.classList.remove("running", "waiting");
    this.ran = this.ran || ok;
    if (!this.shown) return;
    this.next?.element.scrollIntoView({ block: "nearest" });
    this.next = null;
    this.runs.disabled = false;
    if (this.stops.contains(document.activeElement)) this.editor.focus();
    this.stops.hidden = true;
  }

  // The next cell is where one writes now; it stays in sight when this one's output has pushed it down.
  #goOn() {
    this.next = this.lesson.after(this);
    this.next?.editor.focus();
    this.next?.element.scrollIntoView({ block: "nearest" });
  }

  // Whether it has run in the Python that is there now.
  set ran(ran) {
    this.hasRun = ran;
    if (!this.shown) return;
    this.element.classList.toggle("ran", ran);
    this.element.setAttribute("aria-label", `Cell ${this.number}${ran ? ", has run" : ""}`);
  }

  get ran() {
    return this.hasRun;
  }

  output(output) {
    this.outputs?.add(output); // a question stands on the page already
  }

  #becomeEditable(code) {
    const draft = this.#draft();
    this.editor = editor(code, {
      label: `Cell ${this.number}, Python`,
      text: draft ?? this.original,
      changed: (text) => this.#changed(text),
      run: (goesOn) => {
        this.lesson.run(this);
        if (goesOn) this.#goOn();
      },
    });
    const bar = document.createElement("div");
    bar.className = "tools";
    this.runs = button("Run", () => this.lesson.run(this));
    this.stops = button("Stop", () => this.lesson.stop());
    this.restores = button("Restore", () => (this.editor.put(this.original), this.editor.focus()));
    this.runs.setAttribute("aria-label", `Run cell ${this.number}`);
    this.stops.setAttribute("aria-label", `Stop cell ${this.number}`);
    this.restores.setAttribute("aria-label", `Restore cell ${this.number} as it was`);
    this.stops.hidden = true;
    this.restores.hidden = draft === null;
    const number = Object.assign(document.createElement("span"), { className: "number", textContent: this.number });
    number.setAttribute("aria-hidden", "true");
    bar.append(number, this.runs, this.stops, this.restores);
    this.element.prepend(bar);
  }

  // What was written here before, unless the lesson itself has changed since.
  #draft() {
    try {
      const { original, text } = JSON.parse(kept(this.id));
      return original === this.original ? text : null;
    } catch {
      return null;
    }
  }

  #changed(text) {
    const same = text === this.original;
    this.restores.hidden = same;
    keep(this.id, same ? null : JSON.stringify({ original: this.original, text }));
  }
}
