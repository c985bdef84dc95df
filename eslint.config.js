import js from '@eslint/js';
import tsdoc from 'eslint-plugin-tsdoc';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '**/node_modules/**', '**/dist/**', '.data/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { tsdoc },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `@EventPattern<string>('orders')` picks the overload that lets the context have a type of its own.
      '@typescript-eslint/no-unnecessary-type-arguments': 'off',
      // Nest's own signatures have such parameters: `unwrap<T>()`, `on<K, Callback>()`.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Nest declares its option objects as classes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'tsdoc/syntax': 'error',
    },
  },
  {
    // What is reserved on the wire has one place for its name; everything else asks there.
    files: ['src/{transport,orders,operations,cli}/**/*.ts'],
    ignores: ['src/transport/{entry,redis}/**', '**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          'Literal[value=/^(@(retry|replayed|letters)$|dlt-|replay-(group|history)$)/]',
          'TemplateElement[value.raw=/^(@(retry|replayed|letters)$|dlt-)/]',
        ].map((selector) => ({
          selector,
          message:
            'This name is reserved: use what src/transport/entry and src/transport/redis export for it.',
        })),
      ],
    },
  },
  {
    // A file of one idea is not longer.
    files: ['src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: { 'max-lines': ['error', 300] },
  },
  {
    // Apps of their own, linted against the source where the package is not installed.
    files: ['examples/**/*.ts', 'test/fixtures/**/*.ts'],
    languageOptions: { parserOptions: { projectService: false, project: 'examples/tsconfig.lint.json' } },
  },
  {
    // Nest's hooks are typed to return nothing; the tests give it asynchronous ones on purpose.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
    },
  },
  {
    files: ['src/operations/dashboard/page/**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          ...[
            'AbortController',
            'AbortSignal',
            'FormData',
            'HTMLScriptElement',
            'Node',
            'TextDecoderStream',
            'URLSearchParams',
            'addEventListener',
            'clearTimeout',
          ],
          ...['document', 'fetch', 'location', 'sessionStorage', 'setTimeout'],
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    ignores: ['src/operations/dashboard/page/**'],
    languageOptions: {
      globals: {
        console: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
        process: 'readonly',
        module: 'writable',
        require: 'readonly',
      },
    },
  },
);
