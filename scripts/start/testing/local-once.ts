// The local demo without the build before it and the editor behind it: what the test carries to a host.
import { Operator } from '../../../test/support/operator.ts';
import { CannotDemoError } from '../demo.ts';
import { startLocalDemo } from '../local-demo.ts';
import { updateInTerminal } from '../terminal.ts';

try {
  await using demo = await startLocalDemo(line => console.log(line));
  await using operator = await Operator.connect({ url: demo.relayUrl, token: demo.operatorToken });
  const [host] = demo.hosts;
  await operator.waitFor('the agent', () => operator.hosts.get(host)?.online);
  process.exitCode = await updateInTerminal(operator, host, text => void process.stdout.write(text));
} catch (error) {
  if (!(error instanceof CannotDemoError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
