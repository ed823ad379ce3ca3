/**
 * Part of the stand-in for launchd: the keys of launchd.plist(5) and their types. Stricter than launchd, which ignores what it does
 * not know and, of some types, what it cannot use: a plist that passes here is right by key and type.
 */
import type { Plist } from './plist.ts';

type Rule = (value: Plist, at: string) => string[];

const ofType =
  (...types: Plist['type'][]): Rule =>
  (value, at) =>
    types.includes(value.type) ? [] : [`${at} is a ${value.type}, not a ${types.join(' or ')}`];
const string = ofType('string');
const integer = ofType('integer');
const boolean = ofType('boolean');

const arrayOf =
  (item: Rule): Rule =>
  (value, at) =>
    value.type === 'array'
      ? value.value.flatMap((entry, i) => item(entry, `${at}[${i}]`))
      : [`${at} is a ${value.type}, not an array`];
const mapOf =
  (item: Rule): Rule =>
  (value, at) =>
    value.type === 'dict'
      ? [...value.value].flatMap(([key, entry]) => item(entry, `${at}.${key}`))
      : [`${at} is a ${value.type}, not a dict`];
const dictOf =
  (keys: Readonly<Record<string, Rule>>): Rule =>
  (value, at) =>
    value.type === 'dict'
      ? [...value.value].flatMap(
          ([key, entry]) => keys[key]?.(entry, `${at}.${key}`) ?? [`${at}.${key} is no key there`],
        )
      : [`${at} is a ${value.type}, not a dict`];
const either =
  (...rules: Rule[]): Rule =>
  (value, at) => {
    const problems = rules.map(rule => rule(value, at));
    return problems.some(list => list.length === 0) ? [] : (problems.at(-1) ?? []);
  };
const oneOf =
  (...words: string[]): Rule =>
  (value, at) =>
    value.type === 'string' && words.includes(value.value) ? [] : [`${at} is none of ${words.join(', ')}`];
const path: Rule = (value, at) =>
  value.type === 'string' && value.value.startsWith('/') ? [] : [`${at} is no absolute path`];
const anything: Rule = () => [];

const strings = arrayOf(string);
const sessionType = oneOf('Aqua', 'Background', 'LoginWindow', 'StandardIO', 'System');
const calendar = dictOf({ Minute: integer, Hour: integer, Day: integer, Weekday: integer, Month: integer });
const limits = dictOf(
  Object.fromEntries(
    [
      'Core',
      'CPU',
      'Data',
      'FileSize',
      'MemoryLock',
      'NumberOfFiles',
      'NumberOfProcesses',
      'ResidentSetSize',
      'Stack',
    ].map(key => [key, integer]),
  ),
);

const KEYS: Readonly<Record<string, Rule>> = {
  Label: string,
  Disabled: boolean,
  UserName: string,
  GroupName: string,
  InitGroups: boolean,
  inetdCompatibility: dictOf({ Wait: boolean, Instances: integer }),
  LimitLoadToHosts: strings,
  LimitLoadFromHosts: strings,
  LimitLoadToSessionType: either(arrayOf(sessionType), sessionType),
  LimitLoadToHardware: mapOf(strings),
  LimitLoadFromHardware: mapOf(strings),
  Program: path,
  BundleProgram: string,
  ProgramArguments: strings,
  EnableGlobbing: boolean,
  EnableTransactions: boolean,
  EnablePressuredExit: boolean,
  OnDemand: boolean,
  ServiceIPC: boolean,
  KeepAlive: either(
    boolean,
    dictOf({
      SuccessfulExit: boolean,
      Crashed: boolean,
      NetworkState: boolean,
      PathState: mapOf(boolean),
      OtherJobEnabled: mapOf(boolean),
      AfterInitialDemand: boolean,
    }),
  ),
  RunAtLoad: boolean,
  RootDirectory: path,
  WorkingDirectory: path,
  EnvironmentVariables: mapOf(string),
  Umask: either(integer, string),
  TimeOut: integer,
  ExitTimeOut: integer,
  ThrottleInterval: integer,
  WatchPaths: arrayOf(path),
  QueueDirectories: arrayOf(path),
  StartOnMount: boolean,
  StartInterval: integer,
  StartCalendarInterval: either(calendar, arrayOf(calendar)),
  StandardInPath: path,
  StandardOutPath: path,
  StandardErrorPath: path,
  Debug: boolean,
  WaitForDebugger: boolean,
  SoftResourceLimits: limits,
  HardResourceLimits: limits,
  Nice: integer,
  ProcessType: oneOf('Background', 'Standard', 'Adaptive', 'Interactive'),
  AbandonProcessGroup: boolean,
  LowPriorityIO: boolean,
  LowPriorityBackgroundIO: boolean,
  MaterializeDatalessFiles: boolean,
  LaunchOnlyOnce: boolean,
  SessionCreate: boolean,
  LegacyTimers: boolean,
  AssociatedBundleIdentifiers: either(string, strings),
  MachServices: mapOf(anything),
  Sockets: mapOf(anything),
  LaunchEvents: mapOf(anything),
};

/** What is wrong with a job's plist, in words; empty when nothing is. */
export function checkJob(plist: Plist): readonly string[] {
  if (plist.type !== 'dict') return [`the property list is a ${plist.type}, not a dict`];
  const problems = [...plist.value].flatMap(
    ([key, value]) => KEYS[key]?.(value, key) ?? [`${key} is no key of launchd.plist(5)`],
  );
  const label = plist.value.get('Label');
  if (label?.type !== 'string' || label.value === '') problems.push('Label is missing');
  const args = plist.value.get('ProgramArguments');
  if (!plist.value.has('Program') && !(args?.type === 'array' && args.value.length > 0))
    problems.push('Program and ProgramArguments are missing');
  const program = args?.type === 'array' ? args.value[0] : undefined;
  if (program?.type === 'string' && !plist.value.has('Program') && !program.value.startsWith('/'))
    problems.push('ProgramArguments[0] is no absolute path: launchd looks in no PATH of yours');
  return problems;
}

/** A job's plist as plain values; to be checked before. */
export function plain(plist: Plist): unknown {
  switch (plist.type) {
    case 'array':
      return plist.value.map(plain);
    case 'dict':
      return Object.fromEntries([...plist.value].map(([key, value]) => [key, plain(value)]));
    default:
      return plist.value;
  }
}

/** The keys that the stand-in acts on. */
export interface JobKeys {
  readonly Label: string;
  readonly Program?: string;
  readonly ProgramArguments?: readonly string[];
  readonly UserName?: string;
  readonly KeepAlive?: boolean | { readonly SuccessfulExit?: boolean; readonly Crashed?: boolean };
  readonly RunAtLoad?: boolean;
  readonly LaunchOnlyOnce?: boolean;
  readonly AbandonProcessGroup?: boolean;
  readonly WorkingDirectory?: string;
  readonly EnvironmentVariables?: Readonly<Record<string, string>>;
  readonly Umask?: number | string;
  readonly ExitTimeOut?: number;
  readonly ThrottleInterval?: number;
  readonly QueueDirectories?: readonly string[];
  readonly StandardOutPath?: string;
  readonly StandardErrorPath?: string;
  readonly LimitLoadToSessionType?: string | readonly string[];
  readonly Disabled?: boolean;
}
