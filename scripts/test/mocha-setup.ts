// Required by every mocha process of ours: a polite end by signal runs the `exit` handlers, which stop what tests started.
for (const [signal, number] of [
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}
