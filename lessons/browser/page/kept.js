// What stays in this browser: drafts, changed cells, progress. Where a browser keeps nothing, everything else still works.
const PREFIX = `minijobs:${new URL("..", import.meta.url).pathname}:`;

export function kept(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function keep(name, text) {
  try {
    if (text === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, text);
  } catch {
    // full, or forbidden
  }
}

// What is done, lesson by lesson: {"1": {played: true, passed: true, …}}.
export function progress() {
  try {
    return JSON.parse(kept("progress")) ?? {};
  } catch {
    return {};
  }
}

export function keepProgress(progress) {
  keep("progress", JSON.stringify(progress));
}

export function notePlayed(lesson) {
  const all = progress();
  keepProgress({ ...all, [lesson]: { ...all[lesson], played: true } });
}
