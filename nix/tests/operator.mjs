// An operator for the VM tests, on nothing but Node: asks for an update of each host, waits until all runs are over, prints
// one summary a line as JSON. `node operator.mjs ws://RELAY:PORT TOKEN HOST...`
import { randomBytes } from 'node:crypto';

const [url, token, ...hosts] = process.argv.slice(2);
const EXPIRY_MS = 3_600_000;

/** A ULID: time and randomness in Crockford's base 32. */
function ulid(now) {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  let time = '';
  for (let rest = now; time.length < 10; rest = Math.floor(rest / 32)) time = digits[rest % 32] + time;
  return time + Array.from(randomBytes(16), byte => digits[byte % 32]).join('');
}

const runs = new Map(hosts.map(host => [ulid(Date.now()), host]));
const socket = new WebSocket(`${url}/v1/operator`, { headers: { authorization: `Bearer ${token}` } });
const say = message => socket.send(JSON.stringify(message));

function ask() {
  let id = 0;
  for (const [runId, host] of runs) {
    const now = Date.now();
    const request = { format: 1, verb: 'update-agent', runId, host, requestedAt: now, expiresAt: now + EXPIRY_MS };
    say({ type: 'update-agent', id: id++, runId, request: Buffer.from(JSON.stringify(request)).toString('base64') });
  }
}

function look(run) {
  const isOver = run.outcome !== undefined || ['refused', 'expired', 'cancelled'].includes(run.delivery);
  if (!isOver || !runs.delete(run.runId)) return;
  console.log(JSON.stringify(run));
  if (runs.size === 0) socket.close(1000);
}

socket.onopen = () => say({ type: 'hello', protocol: 1, client: { name: 'vm-test', version: '1' } });
socket.onmessage = ({ data }) => {
  if (typeof data !== 'string') return;
  const message = JSON.parse(data);
  switch (message.type) {
    case 'fleet':
      if (message.last) ask();
      break;
    case 'run':
      look(message.run);
      break;
    case 'host':
      message.host.runs.forEach(look);
      break;
    case 'reply':
      if (message.ok) break;
      console.error(`refused: ${JSON.stringify(message.error)}`);
      process.exit(1);
      break;
    case 'error':
      console.error(message.message);
      process.exit(1);
  }
};
socket.onclose = () => process.exit(runs.size === 0 ? 0 : 1);
