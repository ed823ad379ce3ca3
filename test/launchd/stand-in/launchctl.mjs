// A stand-in for launchctl: `launchctl.mjs FOLDER ARGUMENTS…` asks the stand-in for launchd that lives in FOLDER. Plain
// JavaScript, because it is started often and types cost Node a moment.
import { connect } from 'node:net';
import { join } from 'node:path';

const [, , folder = '', ...args] = process.argv;
const socket = connect(join(folder, 'socket'));
socket.setEncoding('utf8');
socket.on('error', error => {
  process.stderr.write(`launchctl (stand-in): launchd (stand-in) does not answer: ${error.message}\n`);
  process.exit(1);
});
socket.write(`${JSON.stringify({ args, client: { uid: process.getuid?.() ?? 0, cwd: process.cwd() } })}\n`);
let answer = '';
for await (const chunk of socket) answer += String(chunk);
const { code, stdout, stderr } = JSON.parse(answer);
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = code;
