// BullMQ, with the client that it is released with. Finished jobs are removed: kept for ever, its default, they fill Redis.
"use strict";

const common = require("./common.js");
const { Queue, Worker } = common.from("bullmq", "bullmq");
const Redis = common.from("bullmq", "ioredis");

const connect = () => new Redis(common.REDIS_URL, { maxRetriesPerRequest: null });
const settings = { removeOnComplete: true };

const opened = () => new Queue("default", { connection: connect() });
let queue;

common.main({
  push: (name, args) => (queue ??= opened()).add(name, args, settings),
  bulk: (name, data, count) =>
    (queue ??= opened()).addBulk(Array.from({ length: count }, () => ({ name, data, opts: settings }))),
  work: (concurrency) => {
    new Worker("default", (job) => common.jobs[job.name](...job.data), { connection: connect(), concurrency });
  },
});
