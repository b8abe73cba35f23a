// Every command of package.json is run, and every setting changed, by a test in the real VS Code. Reads their sources.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { COMMANDS } from '../../src/contributions';
import { root } from '../support/paths';

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

describe('what package.json contributes', () => {
  const tests = path.join('test', 'extension');
  const sources = readdirSync(path.join(root, tests), { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => read(path.join(tests, file)))
    .join('\n');
  const titles = JSON.parse(read('package.nls.json')) as Record<string, string>;
  const { contributes } = JSON.parse(read('package.json')) as {
    contributes: {
      commands: { command: string; title: string }[];
      configuration: { properties: Record<string, unknown> };
    };
  };

  for (const { command, title } of contributes.commands) {
    const name = titles[title.replaceAll('%', '')] ?? title;
    it(`has a test that runs the command: ${name}`, () => {
      const [key] = Object.entries(COMMANDS).find(([, id]) => id === command) ?? [];
      const byId = new RegExp(`(run|executeCommand|acceptList|acceptingList)(<\\w+>)?\\(COMMANDS\\.${String(key)}\\b`);
      const byTitle = [`command('Elixir Debugger: ${name}')`, `'${command}'`, `hasText: '${name}'`];
      assert.ok(byId.test(sources) || byTitle.some((each) => sources.includes(each)), command);
    });
  }

  for (const setting of Object.keys(contributes.configuration.properties)) {
    const key = setting.slice(setting.lastIndexOf('.') + 1);
    it(`has a test that changes the setting: ${key}`, () => {
      const changed = new RegExp(`(set|update)\\('${key}'|'${setting}'`);
      assert.ok(changed.test(sources), setting);
    });
  }
});
