/** The layout's rules: imports run one way. `npm run architecture` checks them. */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'transport-knows-no-app',
      comment: 'The transport knows nothing of orders or of the service.',
      severity: 'error',
      from: { path: '^src/transport/' },
      to: { path: '^src/(?!transport/)' },
    },
    {
      name: 'app-uses-front-door',
      comment: 'The service uses the transport as any other user does.',
      severity: 'error',
      from: { path: '^src/(?!transport/)' },
      to: { path: '^src/transport/', pathNot: '^src/transport/((terminus|validation)/)?index\\.ts$' },
    },
    {
      name: 'terminus-only-for-those-who-use-it',
      comment: 'Terminus is an optional peer: nothing but its own entry point may import it.',
      severity: 'error',
      from: { path: '^src/transport/(?!terminus/)' },
      to: { path: '^src/transport/terminus/|node_modules/@nestjs/terminus' },
    },
    {
      name: 'no-barrel-inside',
      severity: 'error',
      from: { path: '^src/transport/' },
      to: { path: '^src/transport/index\\.ts$' },
    },
    {
      name: 'protocol-is-the-bottom',
      comment: 'Words on the wire import nothing of ours and do no I/O.',
      severity: 'error',
      from: { path: '^src/transport/protocol/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(src/transport/(?!protocol/)|node_modules/(ioredis|@nestjs|rxjs))' },
    },
    {
      name: 'policy-is-pure',
      comment: 'Policy decides and does nothing: no Redis, no Nest, no timers of its own.',
      severity: 'error',
      from: { path: '^src/transport/policy/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(src/transport/(?!protocol/|policy/)|node_modules/(ioredis|@nestjs|rxjs))' },
    },
    {
      name: 'redis-only-in-broker',
      severity: 'error',
      from: { path: '^src/transport/', pathNot: '^src/transport/broker/|\\.spec\\.ts$' },
      to: { path: 'node_modules/ioredis' },
    },
    {
      name: 'tracing-in-one-place',
      comment: 'Spans are made in the tracing directories alone; of an SDK nothing is known anywhere.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(transport|operations)/tracing/' },
      to: { path: 'node_modules/@opentelemetry' },
    },
    {
      name: 'broker-knows-no-nest',
      severity: 'error',
      from: { path: '^src/transport/(broker|lifecycle)/', pathNot: 'pending-recovery\\.service(\\.spec)?\\.ts$' },
      to: { path: '^(src/transport/(server|client)/|node_modules/@nestjs)' },
    },
    {
      name: 'broker-below-lifecycle',
      severity: 'error',
      from: { path: '^src/transport/broker/' },
      to: { path: '^src/transport/lifecycle/' },
    },
    {
      name: 'idempotency-below-lifecycle',
      comment: 'Where keys are kept is known through a port; a store knows the broker and nothing above it.',
      severity: 'error',
      from: { path: '^src/transport/idempotency/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(src/transport/(?!idempotency/|protocol/|policy/|broker/)|node_modules/(ioredis|@nestjs|rxjs|pg/))',
      },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown', 'undetermined'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
