import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen, ListenError } from './listen.js';

describe('listen', () => {
  const servers: Server[] = [];
  const server = () => {
    const made = createServer();
    servers.push(made);
    return made;
  };

  afterEach(async () => {
    const open = servers.splice(0).filter(({ listening }) => listening);
    await Promise.all(open.map((each) => new Promise((resolve) => each.close(resolve))));
  });

  it('says by which URL it is reached', async () => {
    await expect(listen(server(), 0, '127.0.0.1')).resolves.toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await expect(listen(server(), 0, '0.0.0.0')).resolves.toMatch(/^http:\/\/localhost:\d+$/);
  });

  it('names PORT when it is taken', async () => {
    const first = server();
    await listen(first, 0, '127.0.0.1');
    const { port } = first.address() as AddressInfo;
    const second = listen(server(), port, '127.0.0.1');
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toThrow(`PORT ${port} on 127.0.0.1 is in use`);
  });

  it('names HOST when it is not of this machine', async () => {
    await expect(listen(server(), 0, '192.0.2.1')).rejects.toThrow('HOST 192.0.2.1');
  });
});
