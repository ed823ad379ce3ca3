// The lab's own network: a namespace with a bridge, where relay and git are reached, and a namespace for each host with
// one cable to the bridge. Addresses repeat from lab to lab; nothing of it is seen by the machine's own network.
import { execa } from 'execa';

/** The address of the lab's end of the network. */
export const LAB_ADDRESS = '10.77.0.1';
const BRIDGE = 'lab0';

/** The address of the host with this number, from 1 on. */
export function hostAddress(number: number): string {
  return `10.77.0.${10 + number}`;
}

const cable = (number: number): string => `host${number}`;

async function batch(lines: readonly string[]): Promise<void> {
  await execa('ip', ['-batch', '-'], { input: lines.join('\n') + '\n' });
}

/** Several `ip` commands in the namespace, in one process. */
async function batchIn(namespace: string, lines: readonly string[]): Promise<void> {
  await execa('ip', ['-netns', namespace, '-batch', '-'], { input: lines.join('\n') + '\n' });
}

export async function makeLan(lan: string): Promise<void> {
  await batch([`netns add ${lan}`]);
  await batchIn(lan, [
    'link set lo up',
    `link add ${BRIDGE} type bridge`,
    `addr add ${LAB_ADDRESS}/24 dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  ]);
}

/** Makes the host's namespace and its cable to the LAN. */
export async function connect(lan: string, namespace: string, number: number): Promise<void> {
  await batch([
    `netns add ${namespace}`,
    `link add ${cable(number)} netns ${lan} type veth peer name eth0 netns ${namespace}`,
  ]);
  await batchIn(lan, [`link set ${cable(number)} master ${BRIDGE} up`]);
  await batchIn(namespace, [
    'link set lo up',
    `addr add ${hostAddress(number)}/24 dev eth0`,
    'link set eth0 up',
    `route add default via ${LAB_ADDRESS}`,
  ]);
}

/** Pulls the host's cable out of the bridge, or plugs it in again. What is sent meanwhile is lost without an answer. */
export async function plug(lan: string, number: number, state: 'up' | 'down'): Promise<void> {
  await batchIn(lan, [`link set ${cable(number)} ${state}`]);
}

/** The argv that runs `argv` in a network namespace. */
export function inNamespace(namespace: string, argv: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`, '--', ...argv];
}
