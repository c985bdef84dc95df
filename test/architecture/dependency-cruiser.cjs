/** The layout's rules: imports run one way. `npm run architecture` checks them. */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-circles-between-folders',
      severity: 'error',
      scope: 'folder',
      from: { path: '^src' },
      to: { circular: true },
    },
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
      name: 'service-knows-no-app',
      comment: 'The process around an application knows the operations alone, not the orders.',
      severity: 'error',
      from: { path: '^src/service/' },
      to: { path: '^src/(?!service/|operations/|transport/)' },
    },
    {
      name: 'operations-know-no-app',
      comment:
        'Operations are packed for any app on the transport: nothing of the service is packed with them.',
      severity: 'error',
      from: { path: '^src/operations/' },
      to: { path: '^src/(?!operations/|transport/)' },
    },
    {
      name: 'cli-knows-no-app',
      comment:
        'The terminal speaks to the routes of the operations, and shares the shape of their answers alone.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/(?!cli/|operations/[^/]+/dto/|operations/[^/]+/[^/]+\\.dto\\.ts$|transport/)' },
    },
    {
      name: 'product-knows-no-local',
      comment: 'What runs the product on one machine to try it is used by the entry point alone.',
      severity: 'error',
      from: { path: '^src/(?!local/|main\\.ts$)' },
      to: { path: '^src/local/' },
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
      name: 'entry-is-the-bottom',
      comment: 'Words on the wire import nothing of ours and do no I/O.',
      severity: 'error',
      from: { path: '^src/transport/entry/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(src/transport/(?!entry/)|node_modules/(ioredis|@nestjs|rxjs))' },
    },
    {
      name: 'policy-is-pure',
      comment: 'Policy decides and does nothing: no Redis, no Nest, no timers of its own.',
      severity: 'error',
      from: { path: '^src/transport/policy/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(src/transport/(?!entry/|policy/)|node_modules/(ioredis|@nestjs|rxjs))' },
    },
    {
      name: 'ioredis-only-in-redis',
      severity: 'error',
      from: { path: '^src/transport/', pathNot: '^src/transport/redis/|\\.spec\\.ts$' },
      to: { path: 'node_modules/ioredis' },
    },
    {
      name: 'tracing-in-one-place',
      comment: 'Spans are made in the tracing directories alone; of an SDK nothing is known anywhere.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(transport/observe|service/tracing)/' },
      to: { path: 'node_modules/@opentelemetry' },
    },
    {
      name: 'engine-knows-no-nest',
      severity: 'error',
      from: { path: '^src/transport/(redis|lifecycle)/' },
      to: { path: '^(src/transport/nest/|node_modules/@nestjs)' },
    },
    {
      name: 'redis-below-lifecycle',
      severity: 'error',
      from: { path: '^src/transport/redis/' },
      to: { path: '^src/transport/lifecycle/' },
    },
    {
      name: 'idempotency-below-lifecycle',
      comment: 'Where keys are kept is known through a port; a store knows the broker and nothing above it.',
      severity: 'error',
      from: { path: '^src/transport/idempotency/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(src/transport/(?!idempotency/|entry/|policy/|redis/)|node_modules/(ioredis|@nestjs|rxjs|pg/))',
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
