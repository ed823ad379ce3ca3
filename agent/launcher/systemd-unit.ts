import type { RunId } from '../../protocol/index.ts';
import { askSystemd, isUnitAlive } from '../platform/systemctl.ts';
import { LaunchError, type Launcher } from './launcher.ts';

/** The template unit of the NixOS module. */
export const RUN_TEMPLATE = 'nixfleet-run@.service';

/**
 * Instances `nixfleet-run@<run id>.service` of the module's template, for an agent that may start exactly those: polkit lets
 * its user do that, and root gives nothing away but the name. What the unit does is the host's configuration.
 */
export class SystemdUnitLauncher implements Launcher {
  readonly name = 'systemd';

  async launch(runId: RunId): Promise<void> {
    const unit = runUnit(runId);
    if (await this.isAlive(runId)) return;
    // without --no-block the boot, or an activation, could be waited for that itself waits for us
    const answer = await askSystemd('system', ['systemctl', 'start', '--no-block', '--no-ask-password', unit]);
    if (!answer.ok) throw new LaunchError(whyNotStarted(unit, answer.complaint));
  }

  isAlive(runId: RunId): Promise<boolean> {
    return isUnitAlive('system', runUnit(runId));
  }

  whereToLook(runId: RunId): string {
    return `journalctl -u ${runUnit(runId)}`;
  }
}

export function runUnit(runId: RunId): string {
  return RUN_TEMPLATE.replace('@', `@${runId}`);
}

/** What systemctl's refusal to start a run's unit means, for people. */
export function whyNotStarted(unit: string, complaint: string): string {
  const said = complaint.split('\n')[0] ?? '';
  if (/interactive authentication required|access denied|not authorized|permission denied/i.test(complaint))
    return `polkit does not let this agent start ${unit}: is polkit up, and is the agent's user the one of the module services.nixfleet-agent? (${said})`;
  if (/not found|not loaded|no such file/i.test(complaint))
    return `the template unit ${RUN_TEMPLATE} is not there: the generation that runs lacks the module services.nixfleet-agent (${said})`;
  return `systemd did not start ${unit}: ${said}`;
}
