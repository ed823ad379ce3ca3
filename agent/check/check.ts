/**
 * `nixfleet-agent check`: goes through what a person would ask when an agent does not work, one line each. Changes
 * nothing on the host.
 */

/** What came of one look: what was found, and where something is wrong, what to do. */
export type Finding =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly detail: string; readonly advice: string };

export interface Check {
  readonly name: string;
  look(): Finding | Promise<Finding>;
}

/** Goes through checks in order and prints a line as each is known. Returns whether all is well. */
export async function goThrough(checks: readonly Check[], print: (line: string) => void): Promise<boolean> {
  let allWell = true;
  const width = Math.max(...checks.map(check => check.name.length));
  for (const check of checks) {
    const finding = await look(check);
    allWell &&= finding.ok;
    print(`${finding.ok ? '✓' : '✗'} ${check.name.padEnd(width)}  ${finding.detail}`);
    if (!finding.ok) print(`  ${' '.repeat(width)}  → ${finding.advice}`);
  }
  return allWell;
}

export function well(detail: string): Finding {
  return { ok: true, detail };
}

export function wrong(detail: string, advice: string): Finding {
  return { ok: false, detail, advice };
}

async function look(check: Check): Promise<Finding> {
  try {
    return await check.look();
  } catch (error) {
    return wrong((error as Error).message, 'This check itself failed; please report it.');
  }
}
