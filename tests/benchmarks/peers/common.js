// What the peers of Node share: as common.py, with the same jobs and the same command line.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const { performance } = require("node:perf_hooks");

// A module of the peer's own environment, which is not beside this file.
exports.from = (environment, name) =>
  createRequire(path.join(__dirname, "../../../.bench/environments", environment, "/"))(name);

exports.REDIS_URL = process.env.REDIS_URL || "redis://localhost:6379/0";

// Epoch seconds, finer than a millisecond, as the other peers note them.
const now = () => (performance.timeOrigin + performance.now()) / 1000;

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// A kind of job: the name of its function below, and its arguments.
const KINDS = { noop: ["noop", ["ada@example.com", "hello"]], "1ms": ["nap", [0.001]], "50ms": ["nap", [0.05]] };

exports.jobs = {
  noop: async (email, thought) => {},
  nap: pause,
  stamp: async (pushed) => {
    const started = now();
    fs.appendFileSync(process.env.BENCH_STAMPS, `${pushed} ${started}\n`);
  },
};

const WARM_UP = 200; // pushes that are not counted

// Do what the command line says. `push(name, args)` pushes one job; `bulk(name, args, count)` many alike; `work(number)`
// starts a worker that runs so many at a time.
exports.main = async ({ push, bulk, work }) => {
  const repeat = async (name, args, count) => {
    for (let number = 0; number < count; number++) await push(name, args);
  };
  const [verb, ...words] = process.argv.slice(2);
  if (verb === "work") return work(Number(words[0]));
  if (verb === "wake") {
    for (let number = 0; number < Number(words[0]); number++) {
      await pause(0.01 + 0.01 * Math.random());
      await push("stamp", [now()]);
    }
  } else if (verb === "fill") {
    // In slices: a million jobs in one call would be held in memory at once.
    for (let left = Number(words[1]); left > 0; left -= 10_000) await bulk(...KINDS[words[0]], Math.min(left, 10_000));
  } else {
    const action = verb === "bulk" ? bulk : repeat;
    await action(...KINDS.noop, WARM_UP);
    const start = performance.now();
    await action(...KINDS.noop, Number(words[0]));
    console.log((performance.now() - start) / 1000);
  }
  process.exit(0);
};
