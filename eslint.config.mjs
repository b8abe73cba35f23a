// Lint rules, among them the walls between the programs (ARCHITECTURE.md). Formatting is prettier's.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Forbids imports across the walls of a folder, with the reason as message. */
const wall = (folder, forbidden, reason) => ({
  files: [`${folder}/**/*.{ts,tsx}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: folder === 'src' ? [] : [{ name: 'vscode', message: 'Only src/ may import vscode.' }],
        patterns: [{ group: forbidden, message: reason }],
      },
    ],
  },
});

const others = (own) =>
  ['src', 'server', 'adapter', 'media', 'test'].filter((f) => f !== own).map((f) => `**/../${f}/**`);

export default tseslint.config(
  {
    ignores: ['dist/**', 'node_modules/**', '.vscode-test/**', '.cache/**', 'coverage/**', '**/fixtures/**', 'demo/**'],
  },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './*/tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-console': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'No default exports: a thing has one name.' },
      ],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        performance: 'readonly',
        URL: 'readonly',
        URLSearchParams: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        Buffer: 'readonly',
      },
    },
  },
  wall(
    'protocol',
    ['**/../src/**', '**/../server/**', '**/../adapter/**', '**/../media/**', 'node:*'],
    'protocol/ imports nothing of ours and does no I/O.',
  ),
  wall('src', others('src'), 'src/ speaks with the other programs through protocol/ only.'),
  wall('server', others('server'), 'server/ speaks with the other programs through protocol/ only.'),
  wall('adapter', others('adapter'), 'adapter/ speaks with the other programs through protocol/ only.'),
  wall('media', [...others('media'), 'node:*'], 'media/ runs in a webview: protocol/ only.'),
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
);
