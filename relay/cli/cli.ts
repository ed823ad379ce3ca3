import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ENROLL_PLATFORMS, type EnrollPlatform } from '../../protocol/index.ts';
import { AdminError } from '../admin.ts';
import { NewerDatabase } from '../backbone/embedded/schema.ts';
import { StoreError } from '../backbone/backbone.ts';
import { AddressError } from '../server/address.ts';
import { CertificateError } from '../server/certificate.ts';
import { DAY, RETENTION } from '../runs/retention.ts';
import { RELAY_VERSION } from '../version.ts';
import { enrollCommand, hostsCommand, revokeCommand, runsCommand, type EnrollFlags } from './admin-commands.ts';
import { backupCommand, restoreCommand, startAnewCommand } from './keeping-commands.ts';
import { serveCommand, type ServeFlags } from './serve-command.ts';

/** Runs a command line (`process.argv`) and sets the exit code: 1 when it could not be done, 2 when it made no sense. */
export async function runCli(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    const isExpected =
      error instanceof AdminError ||
      error instanceof StoreError ||
      error instanceof NewerDatabase ||
      error instanceof AddressError ||
      error instanceof CertificateError;
    console.error(`nixfleet-relay: ${isExpected ? error.message : describe(error)}`);
    process.exitCode = error instanceof AddressError ? 2 : 1;
  }
}

interface DataFlag {
  readonly data: string;
}

interface EnrollCliFlags {
  readonly replace?: true;
  readonly tokenOnly?: true;
  readonly quiet?: true;
  readonly for?: EnrollPlatform;
  readonly url?: string;
  readonly owner?: string;
}

function enrollFlags({ replace, tokenOnly, quiet, for: platform, url, owner }: EnrollCliFlags): EnrollFlags {
  return { replace: replace ?? false, tokenOnly: tokenOnly ?? quiet ?? false, platform, url, owner };
}

function program(): Command {
  const cli = new Command('nixfleet-relay')
    .description('The relay between NixFleet agents and the people who update them.')
    .version(RELAY_VERSION)
    .addOption(
      new Option('--data <dir>', 'data folder').env('NIXFLEET_RELAY_DATA').default(defaultDataDir(), defaultDataDir()),
    )
    .exitOverride()
    .showHelpAfterError();
  const dataDir = () => cli.opts<DataFlag>().data;

  cli
    .command('serve')
    .description('let agents and operators connect')
    .option('--listen <address>', 'HOST:PORT, [IPV6]:PORT or unix:/PATH; repeatable', collect)
    .option('--cert <file>', 'certificate chain (PEM): takes wss:// only; reloaded when it changes')
    .option('--key <file>', 'its key (PEM)')
    .option(
      '--self-signed',
      'make a certificate in the data folder once, whose fingerprint hosts are told: takes wss:// only',
    )
    .option('--allow-plaintext', 'take ws:// from the network too, such as behind a proxy that does TLS')
    .option('--keep-runs <n>', 'keep as many runs of each host', positiveInteger, RETENTION.runs)
    .option('--keep-days <n>', 'keep a run so many days after its end', positiveInteger, RETENTION.age / DAY)
    .option('--origin <url>', 'a web page origin that may connect; repeatable', collect)
    .addOption(
      new Option('--log-level <level>', 'how much to log')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .action((flags: ServeFlags) => serveCommand(dataDir(), flags));

  const verb = (name: string, description: string): Command =>
    cli
      .command(name)
      .description(description)
      .option('--replace', 'make a new token for one who has one, and end the old one')
      .option('--token-only', 'print the token and nothing else')
      .option('--quiet', 'the same as --token-only');
  verb('enroll <host>', 'make a host part of the fleet, and print its token and what to paste where')
    .addOption(new Option('--for <platform>', 'print text for nixcfg').choices(ENROLL_PLATFORMS))
    .addOption(
      new Option('--url <url>', 'where hosts reach this relay, for that text')
        .env('NIXFLEET_RELAY_URL')
        .argParser(relayUrl),
    )
    .addOption(new Option('--owner <user>', 'whose checkout of nixcfg the host has, for that text').argParser(userName))
    .action((name: string, flags: EnrollCliFlags) =>
      enrollCommand(dataDir(), { kind: 'host', name }, enrollFlags(flags)),
    );
  verb('operator <name>', 'let a person or program in, and print their token').action(
    (name: string, flags: EnrollCliFlags) => enrollCommand(dataDir(), { kind: 'operator', name }, enrollFlags(flags)),
  );

  cli
    .command('revoke')
    .argument('<kind>', 'host or operator', hostOrOperator)
    .argument('<name>')
    .description('end a token; who is connected with it is disconnected')
    .action((kind: 'host' | 'operator', name: string) => revokeCommand(dataDir(), { kind, name }));
  cli
    .command('hosts')
    .description('list the hosts of the fleet')
    .option('--json', 'as JSON, one host a line')
    .action((flags: { json?: true }) => hostsCommand(dataDir(), flags.json ?? false));
  cli
    .command('runs [host]')
    .description('list runs, newest first')
    .option('--limit <n>', 'as many at the most', positiveInteger, 20)
    .option('--json', 'as JSON, one run a line')
    .action((host: string | undefined, flags: { limit: number; json?: true }) =>
      runsCommand(dataDir(), { host, limit: flags.limit, json: flags.json ?? false }),
    );
  keepingVerbs(cli, dataDir);
  return cli;
}

function keepingVerbs(cli: Command, dataDir: () => string): void {
  cli
    .command('backup <file>')
    .description('copy everything into a new file, while the relay goes on')
    .action((file: string) => backupCommand(dataDir(), file));
  cli
    .command('restore <file>')
    .description('make the data folder from a backup; a damaged store is set aside, another one left alone')
    .action((file: string) => restoreCommand(dataDir(), file));
  cli
    .command('start-anew')
    .description('set a damaged store aside and begin an empty one; hosts refill the history of their runs')
    .action(() => startAnewCommand(dataDir()));
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function hostOrOperator(value: string): 'host' | 'operator' {
  if (value === 'host' || value === 'operator') return value;
  throw new InvalidArgumentError('say host or operator');
}

function relayUrl(value: string): string {
  const url = URL.parse(value);
  if (url && /^wss?:$/.test(url.protocol) && !/["$\\]/.test(value)) return value;
  throw new InvalidArgumentError('a wss:// URL, such as wss://relay.example.org:7780');
}

function userName(value: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(value)) return value;
  throw new InvalidArgumentError('a login name, such as ana');
}

function positiveInteger(value: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('a number from 1 on');
}

function defaultDataDir(): string {
  if (process.getuid?.() === 0) return '/var/lib/nixfleet-relay';
  return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'nixfleet-relay');
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
