// What a host's configuration can be made to get wrong: the content of hosts/NAME.faults.json in nixcfg, which
// nixcfg/lib/host.nix and the scripts beside it carry out.

/** A step of the build that the generation depends on, built anew for every version of the agent. */
export interface BuildFault {
  /** Lines it prints, each of `lineBytes` (40), `msPerLine` (0) apart. */
  readonly lines?: number;
  readonly lineBytes?: number;
  readonly msPerLine?: number;
  /** After them: colours, cursor movements, a title, C1 and NUL bytes, invalid UTF-8, a progress that overwrites its line. */
  readonly control?: boolean;
  /** After that: so many bytes without a newline. */
  readonly longLineBytes?: number;
  /** After that: waits while the host has a file of this path. */
  readonly hold?: string;
  /** At the end: never end. */
  readonly hang?: boolean;
  /** At the end: fail with this exit code. */
  readonly exit?: number;
  /** Anything; another one builds anew. */
  readonly salt?: string | number;
}

/** Where `switch-to-configuration` goes wrong, and how: with an exit code (1), by never ending, or by waiting. */
export interface ActivationFault {
  /**
   * - `check`: refused before anything is touched, because a reboot is needed (not for the action `boot`)
   * - `bootloader`: the boot default is not written (actions `switch` and `boot`)
   * - `before`: ends before anything is touched
   * - `script`: the activation script fails; the rest is done, the exit code is 2
   * - `after`: ends after the units, the agent among them, were restarted
   */
  readonly at: 'check' | 'bootloader' | 'before' | 'script' | 'after';
  readonly exit?: number;
  readonly hang?: boolean;
  /** Waits there while the host has a file of this path, and then goes on as if nothing had been. */
  readonly hold?: string;
}

export interface Faults {
  /** The evaluation throws this. */
  readonly evaluation?: string;
  readonly build?: BuildFault;
  readonly activation?: ActivationFault;
  /**
   * What the generation has for an agent: a unit that ends with 1 at once (`crash`), one that runs and never says a word
   * (`mute`), one whose executable does not exist (`missing`), no unit and no manifest (`none`).
   */
  readonly agent?: 'normal' | 'crash' | 'mute' | 'missing' | 'none';
  /** More one-shot units, name → ExecStart: `{ 'backup.service': '/bin/false' }` makes an activation exit with 4. */
  readonly units?: Readonly<Record<string, string>>;
}
