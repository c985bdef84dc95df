import type { DynamicModule } from '@nestjs/common';

/** Packages on which some modules stand and which an application need not have: optional peers of the package. */
type Peer = '@nestjs/swagger' | '@nestjs/terminus' | 'class-transformer' | 'class-validator' | 'prom-client';

/** One after the other: the loader of Jest cannot link two graphs at once that share a module. */
let loading: Promise<unknown> = Promise.resolve();

/**
 * Makes a module of parts that stand on optional peers. The parts are loaded when the module is used, so that an application
 * needs only the peers of the modules that it imports.
 *
 * @throws Error (as a rejection) that names the packages to install when one is missing
 */
export function moduleWithPeers<T>(
  { name }: { readonly name: string },
  peers: readonly Peer[],
  load: () => Promise<T>,
  build: (parts: T) => DynamicModule,
): Promise<DynamicModule> {
  const module = loading.then(load).then(build, (error: unknown) => {
    throw explained(error, name, peers);
  });
  // Nest awaits it when it comes to this import. Until then nobody has it, and the process would end without the sentence.
  loading = module.catch(() => undefined);
  return module;
}

function explained(error: unknown, name: string, peers: readonly Peer[]): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_MODULE_NOT_FOUND') return error;
  const missing = peers.find((peer) => message.startsWith(`Cannot find package '${peer}'`));
  if (missing === undefined) return error;
  return new Error(
    `${name} of order-streams/operations needs ${missing}, which is not installed: npm install ${peers.join(' ')}`,
  );
}
