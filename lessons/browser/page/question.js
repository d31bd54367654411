// A prediction: its choices are buttons, and no guess is fine.
import { button, paragraph } from "./elements.js";

export function question({ question: words, choices, guess }, guessed) {
  const element = document.createElement("div");
  element.className = "question";
  element.setAttribute("role", "group");
  const asked = paragraph("asked", words);
  asked.id = `question-${Math.random().toString(36).slice(2)}`;
  element.setAttribute("aria-labelledby", asked.id);
  const said = paragraph("small");
  said.setAttribute("role", "status");
  const buttons = Object.entries(choices).map(([letter, text]) => {
    const choice = button("", () => choose(letter));
    choice.append(Object.assign(document.createElement("b"), { textContent: letter }), text);
    choice.dataset.letter = letter;
    return choice;
  });
  const show = (chosen) => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.letter === chosen));
    said.textContent = chosen ? `Your guess is ${chosen}. Go on.` : "Choose one, or just go on.";
  };
  const choose = (letter) => {
    show(letter);
    guessed(words, letter);
  };
  show(guess);
  element.append(asked, ...buttons, said);
  return element;
}

// The same for a question that stands on the page as a text.
export function questionOf(element, guessed) {
  const choices = Object.fromEntries(
    [...element.querySelectorAll("li")].map((choice, at) => ["abcdefgh"[at], choice.textContent]),
  );
  const words = element.querySelector("p").textContent;
  element.replaceWith(question({ question: words, choices, guess: null }, guessed));
  return words;
}
