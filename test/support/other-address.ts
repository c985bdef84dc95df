import { networkInterfaces } from 'node:os';

/** An address of this machine under which it does not look like itself. */
export function otherAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const other = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  if (!other) throw new Error('This machine has no address but that of loopback.');
  return other.address;
}
