// Imported for what it does, by every process of ours that starts others: whoever ends it by a signal, or starts it and
// dies, makes it run its `exit` handlers, which stop what it has started. A signal may come twice (from the terminal, and
// from the process that passes it on): the handlers stay.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.on(signal, () => process.exit(128 + number));
}

const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1_000).unref();
