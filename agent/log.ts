import { fstatSync } from 'node:fs';
import { pino, type Logger } from 'pino';
import * as z from 'zod';

const lineSchema = z.looseObject({ level: z.int(), time: z.number(), msg: z.string().optional() });

const LEVELS = new Map([
  [20, { name: 'debug', priority: 7 }],
  [30, { name: 'info', priority: 6 }],
  [40, { name: 'warn', priority: 4 }],
  [50, { name: 'error', priority: 3 }],
  [60, { name: 'fatal', priority: 2 }],
]);

/**
 * A logger that writes one plain line an entry to stderr. Below systemd it begins with the priority, as journald reads it
 * (sd-daemon(3)), and has no time, since the journal has it; elsewhere with time and level.
 */
export function createLog(level: string, env: NodeJS.ProcessEnv = process.env): Logger {
  const forJournal = writesToJournal(env);
  return pino(
    { level, base: null },
    { write: (line: string) => void process.stderr.write(`${plainLine(line, forJournal)}\n`) },
  );
}

/** Whether stderr is the very stream that systemd connected to the journal (systemd.exec(5), JOURNAL_STREAM). */
function writesToJournal(env: NodeJS.ProcessEnv): boolean {
  try {
    const { dev, ino } = fstatSync(2);
    return env['JOURNAL_STREAM'] === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** One entry of pino as a line for people. */
export function plainLine(json: string, forJournal: boolean): string {
  const { level, time, msg = '', ...rest } = lineSchema.parse(JSON.parse(json));
  const { name, priority } = LEVELS.get(level) ?? { name: 'info', priority: 6 };
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const text = `${msg}${fields.join('')}`.replaceAll('\n', forJournal ? `\n<${priority}>  ` : '\n  ');
  return forJournal ? `<${priority}>${text}` : `${new Date(time).toISOString()} ${name.padEnd(5)} ${text}`;
}
