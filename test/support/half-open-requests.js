import { connect } from 'node:net';
import { setInterval } from 'node:timers';

// Keeps requests open that never end, from one address: node half-open-requests.js <port> <number> <address>.
// Writes a line once that many were begun, and begins others in place of those that are closed.
const [port, number, localAddress] = process.argv.slice(2);
/** A server waits longer for the rest of a body than for headers. */
const HALF = 'POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{';
const AT_ONCE = 200;
const REPLACED_PER_TICK = 2;
const TICK_MS = 20;
let begun = 0;
let closed = 0;

function begin() {
  begun += 1;
  if (begun === Number(number)) process.stdout.write('begun\n');
  const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress });
  socket.on('connect', () => {
    socket.write(HALF);
    if (begun < Number(number)) begin();
  });
  socket.on('error', () => undefined).resume();
  socket.on('close', () => (closed += 1));
}

for (let i = 0; i < AT_ONCE; i += 1) begin();
setInterval(() => {
  for (let i = 0; i < REPLACED_PER_TICK && closed > 0; i += 1) {
    closed -= 1;
    begin();
  }
}, TICK_MS);
