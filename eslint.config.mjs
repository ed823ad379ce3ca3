// One configuration for the whole house: type-checked rules, and the arrows between the rooms (docs/architecture.md).
import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

const rooms = ['protocol', 'flake-lock', 'agent', 'relay', 'extension', 'webview', 'test', 'bench', 'scripts'];
const shared = ['protocol', 'flake-lock'];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'test/vscode/node_modules/', '.cache/'] },
  ...tseslint.configs.strictTypeChecked.map(config => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { boundaries },
    settings: {
      'import/resolver': { typescript: false, node: { extensions: ['.ts', '.mjs'] } },
      'boundaries/elements': rooms.map(room => ({ type: room, pattern: room, mode: 'folder' })),
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      'boundaries/element-types': [
        'error',
        {
          default: 'disallow',
          rules: [
            { from: shared, allow: [] },
            { from: ['agent', 'relay', 'extension', 'webview'], allow: shared },
            { from: ['test', 'bench', 'scripts'], allow: rooms },
            ...rooms.map(room => ({ from: room, allow: room })),
          ],
        },
      ],
    },
  },
  {
    // mocha's `it`/`describe` return promises nobody awaits, and expectations read better as plain expressions
    files: ['**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: 'mocha', name: ['it', 'describe', 'before', 'after', 'beforeEach', 'afterEach'] }] }],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
