// bee-queue. Finished jobs are removed: kept for ever, its default, they fill Redis. It has no names for jobs, so they are
// in the data.
"use strict";

const common = require("./common.js");
const Queue = common.from("bee-queue", "bee-queue");

const redis = { url: common.REDIS_URL };
// What only pushes needs neither the connection of a worker nor the one that waits for events: its own advice.
const opened = () => new Queue("default", { redis, isWorker: false, getEvents: false });
let queue;

const job = (name, args) => (queue ??= opened()).createJob({ name, args });

common.main({
  push: (name, args) => job(name, args).save(),
  bulk: (name, args, count) => (queue ??= opened()).saveAll(Array.from({ length: count }, () => job(name, args))),
  work: (concurrency) => {
    const worker = new Queue("default", { redis, removeOnSuccess: true });
    worker.process(concurrency, ({ data }) => common.jobs[data.name](...data.args));
  },
});
