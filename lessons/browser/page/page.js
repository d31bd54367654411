// What a page does beyond being read.
import { Bar } from "./bar.js";
import { Exercise } from "./exercise.js";
import { progress } from "./kept.js";
import { Lesson } from "./lesson.js";
import { reachScrolling } from "./scrolling.js";

const SITE = new URL("..", import.meta.url);
const main = document.getElementById("main");

reachScrolling(main);
if (main.dataset.runs === "yes") runLesson();
for (const entry of document.querySelectorAll(".contents li")) mark(entry);

function runLesson() {
  const element = document.getElementById("exercise");
  const exercise = new Exercise(element, Number(main.dataset.lesson));
  const lesson = new Lesson(main, new Bar());
  lesson.ready.then(keepForOffline);
  const frugal = navigator.connection?.saveData || navigator.deviceMemory < 4;
  if (!frugal) Promise.all([lesson.begun, near(element)]).then(() => exercise.warm());
  if (navigator.connection?.saveData) lesson.bar.say("Python is loaded when you run the first cell.");
  else lesson.load();
}

// The reader has come near it: a window's height is left.
function near(element) {
  return new Promise((resolve) => {
    const watch = ([entry], observer) => entry.isIntersecting && resolve(observer.disconnect());
    new IntersectionObserver(watch, { rootMargin: "100%" }).observe(element);
  });
}

// Once Python is there, all files of the site are kept, so that it works without a network from then on.
function keepForOffline() {
  navigator.serviceWorker?.register(new URL("service-worker.js", SITE)).catch(() => {});
}

// The contents: what is done.
function mark(entry) {
  const done = progress()[entry.dataset.lesson] ?? {};
  const words = done.solved || done.passed ? "exercise done" : done.played ? "played" : "";
  if (words) entry.querySelector(".small").append(`, ${words}`);
}
