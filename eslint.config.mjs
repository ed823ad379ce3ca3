// One configuration for the whole house: type-checked rules, and the arrows between the rooms (docs/architecture.md).
import tseslint from 'typescript-eslint';

const mocha = ['it', 'describe', 'before', 'after', 'beforeEach', 'afterEach'];

/** Which rooms a room's files may reach into besides their own. The other rooms exist for it only as processes. */
const arrows = {
  protocol: [],
  'flake-lock': [],
  'flake-nix': [],
  agent: ['protocol', 'flake-lock'],
  relay: ['protocol', 'flake-lock'],
  extension: ['protocol', 'flake-lock', 'flake-nix'],
  webview: ['protocol', 'flake-lock'],
};
const rooms = [...Object.keys(arrows), 'test', 'bench', 'scripts'];

const arrowRules = Object.entries(arrows).map(([room, allowed]) => {
  const forbidden = rooms.filter(other => other !== room && !allowed.includes(other));
  return {
    files: [`${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^(\\.\\./)+(${forbidden.join('|')})/`,
              message: `${room} may import ${['its own files', ...allowed].join(', ')} only; see docs/architecture.md.`,
            },
          ],
        },
      ],
    },
  };
});

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', '**/*.generated.ts'] },
  ...tseslint.configs.strictTypeChecked.map(config => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'error',
    },
  },
  ...arrowRules,
  {
    // nobody awaits what `it` and `describe` return, and a test may assert by `!`
    files: ['**/*.test.ts', '**/*.suite.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'mocha', name: mocha }] },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
