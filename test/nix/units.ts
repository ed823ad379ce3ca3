// What systemd says of the units that a generation brought to a host.
import assert from 'node:assert/strict';
import type { TestHost } from '../hosts/lab/host.ts';

/** How much a service may still do, from 0 to 10, as `systemd-analyze security` counts. */
export async function exposure(host: TestHost, unit: string): Promise<number> {
  const text = await host.run(['systemd-analyze', 'security', '--no-pager', unit]);
  const found = /Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1];
  assert.ok(found !== undefined, text);
  return Number(found);
}

/** `systemd-analyze verify` has nothing to say of any unit of the running generation whose name matches. */
export async function assertSound(host: TestHost, name: RegExp): Promise<void> {
  const folder = '/run/current-system/etc/systemd/system';
  const files = (await host.run(['find', `${folder}/`, '-maxdepth', '1', '-type', 'f', '-printf', '%f\n'])).split('\n');
  const units = files.filter(file => name.test(file));
  assert.ok(units.length > 0);
  for (const unit of units) {
    const said = await host.exec(['systemd-analyze', 'verify', `/run/systemd/system/${unit}`]);
    assert.deepEqual({ unit, ...said }, { unit, stdout: '', stderr: '', exitCode: 0 });
  }
}
