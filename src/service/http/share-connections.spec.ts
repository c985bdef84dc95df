import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { shareConnections } from './share-connections.js';

const WHOLE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const OTHER_ADDRESS = '127.0.0.2';
const PROXY = '127.0.0.3';

describe('shareConnections', () => {
  const sockets: Socket[] = [];
  const answers: (() => void)[] = [];
  let server: Server;
  /** Of a request to `/held`, which is answered when the test says so. */
  let held: () => Promise<unknown>;

  beforeEach(async () => {
    server = createServer((request, response) => {
      if (request.url === '/large') response.end(Buffer.alloc(32 * 1024 * 1024));
      else if (request.url === '/held') answers.push(() => response.end('held'));
      else response.end('answer');
    });
    held = () => once(server, 'request');
    shareConnections(server, { total: 5, perAddress: 3, isProxy: (address) => address === PROXY });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    answers.length = 0;
    await new Promise((resolve) => server.close(resolve));
  });

  const open = async (sent: string, localAddress = '127.0.0.1'): Promise<Socket> => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, localAddress }).on('error', () => undefined);
    sockets.push(socket);
    const taken = once(server, 'connection');
    await taken;
    socket.write(sent);
    return socket;
  };
  const isClosed = async (socket: Socket): Promise<string> => text(socket).catch(() => '');

  it.each([
    ['nothing', ''],
    ['a part of its headers', 'POST / HTTP/1.1\r\nHost: a\r\nX-Slow: '],
    ['a part of its body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{'],
  ])('closes the oldest connection that sent %s for a whole request of the same address', async (_, sent) => {
    const [first] = [await open(sent), await open(sent), await open(sent)];
    const whole = await open(WHOLE);
    expect(await text(whole)).toContain('answer');
    await isClosed(first);
    expect(sockets.filter(({ closed }) => closed)).toEqual([first, whole]);
  });

  it('closes one whose caller does not take its answer', async () => {
    const large = await open('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    await held();
    await open('GET /held HTTP/1.1\r\nHost: a\r\n\r\n');
    await held();
    await open('GET /held HTTP/1.1\r\nHost: a\r\n\r\n');
    await held();
    expect(await text(await open(WHOLE))).toContain('answer');
    await isClosed(large);
    for (const answer of answers) answer();
    expect(large.closed).toBe(true);
  });

  it('closes the newest where all of the share are being answered', async () => {
    for (let i = 0; i < 3; i += 1) {
      await open('GET /held HTTP/1.1\r\nHost: a\r\n\r\n');
      await held();
    }
    expect(await isClosed(await open(WHOLE))).toBe('');
    expect(await text(await open(WHOLE, OTHER_ADDRESS))).toContain('answer');
    for (const answer of answers) answer();
  });

  it('takes the total from the address with the most', async () => {
    const [first] = [await open(''), await open(''), await open('')];
    const others = [await open('', OTHER_ADDRESS), await open('', OTHER_ADDRESS)];
    const third = await open(WHOLE, '127.0.0.4');
    expect(await text(third)).toContain('answer');
    await isClosed(first);
    expect(others.every(({ closed }) => !closed)).toBe(true);
  });

  it('takes it from another where all of that address are being answered', async () => {
    for (let i = 0; i < 3; i += 1) {
      await open('GET /held HTTP/1.1\r\nHost: a\r\n\r\n');
      await held();
    }
    const [first] = [await open('', OTHER_ADDRESS), await open('', OTHER_ADDRESS)];
    const whole = await open(WHOLE, '127.0.0.4');
    expect(await text(whole)).toContain('answer');
    await isClosed(first);
    expect(sockets.filter(({ closed }) => closed)).toEqual([first, whole]);
    for (const answer of answers) answer();
  });

  it('gives a trusted proxy more than a share', async () => {
    const first = await open('', PROXY);
    for (let i = 1; i < 5; i += 1) await open('', PROXY);
    const whole = await open(WHOLE);
    expect(await text(whole)).toContain('answer');
    await isClosed(first);
    expect(sockets.filter(({ closed }) => closed)).toEqual([first, whole]);
  });

  it('forgets a connection that ended', async () => {
    for (let i = 0; i < 12; i += 1) expect(await text(await open(WHOLE))).toContain('answer');
    const three = [await open(''), await open(''), await open('')];
    expect(three.every(({ closed }) => !closed)).toBe(true);
  });
});
