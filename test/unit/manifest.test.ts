// package.json against the code: what is contributed, what the code registers, and what the adapter takes are the same.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { AttachArguments, LaunchArguments } from '../../protocol/adapter';
import { DEFAULT_SETTINGS, SCOPES as ADAPTER_SCOPES, STRATEGIES as ADAPTER_STRATEGIES } from '../../protocol/settings';
import { parseDuration, parseSize } from '../../protocol/units';
import { COMMANDS, DEBUG_TYPE, LANGUAGES, SCOPES, SETTINGS_SECTION, STRATEGIES } from '../../src/contributions';
import { root } from '../support/paths';

interface Attribute {
  type?: unknown;
  default?: unknown;
  description?: string;
  markdownDescription?: string;
  enum?: string[];
  markdownEnumDescriptions?: string[];
  properties?: Record<string, Attribute>;
}
interface Manifest {
  activationEvents: string[];
  contributes: {
    languages: { id: string; configuration: string }[];
    breakpoints: { language: string }[];
    commands: { command: string }[];
    configuration: { properties: Record<string, Attribute> };
    debuggers: {
      type: string;
      languages: string[];
      configurationAttributes: {
        launch: { properties: Record<string, Attribute> };
        attach: { properties: Record<string, Attribute> };
      };
      configurationSnippets: { label: string; body?: Record<string, unknown>; bodyText?: string }[];
    }[];
  };
}

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const texts = JSON.parse(read('package.nls.json')) as Record<string, string>;
const debuggers = manifest.contributes.debuggers;

describe('package.json', () => {
  it('contributes the commands that the code registers', () => {
    assert.deepEqual(
      manifest.contributes.commands.map(({ command }) => command).sort(),
      Object.values(COMMANDS).sort(),
    );
  });

  it('contributes breakpoints and the debug type for the languages that the code serves', () => {
    assert.deepEqual(
      manifest.contributes.breakpoints.map(({ language }) => language),
      [...LANGUAGES],
    );
    assert.deepEqual(
      debuggers.map(({ type, languages }) => [type, languages]),
      [[DEBUG_TYPE, [...LANGUAGES]]],
    );
  });

  it('describes each launch and attach argument that the adapter takes, and no other', () => {
    const attributes = debuggers[0]?.configurationAttributes;
    assert.ok(attributes);
    assert.deepEqual(Object.keys(attributes.launch.properties).sort(), Object.keys(LaunchArguments.entries).sort());
    assert.deepEqual(Object.keys(attributes.attach.properties).sort(), Object.keys(AttachArguments.entries).sort());
  });

  it('describes each key of `coordination` that the adapter takes, with the same defaults as the settings', () => {
    const { launch, attach } = debuggers[0]?.configurationAttributes ?? { launch: undefined, attach: undefined };
    const taken = Object.keys(LaunchArguments.entries.coordination.wrapped.entries).sort();
    for (const each of [launch, attach]) {
      assert.deepEqual(Object.keys(each?.properties['coordination']?.properties ?? {}).sort(), taken);
    }
    const defaults = v.parse(LaunchArguments, {}).coordination;
    assert.deepEqual({ ...DEFAULT_SETTINGS, ...defaults }, DEFAULT_SETTINGS);
    const settings = manifest.contributes.configuration.properties;
    for (const [key, value] of Object.entries(DEFAULT_SETTINGS)) {
      const written = settings[`${SETTINGS_SECTION}.${key}`]?.default;
      const read = typeof written === 'string' ? (parseSize(written) ?? parseDuration(written) ?? written) : written;
      assert.equal(read, value, key);
    }
  });

  it('has the settings under the names users know, with the strategies that the adapter knows', () => {
    const settings = manifest.contributes.configuration.properties;
    const required = ['enabled', 'strategy', 'performanceMonitoring', 'memoryThreshold', 'fallbackTimeout'];
    const more = ['scope', 'codeLenses', 'decorations', 'historyDays', 'historySize', 'testExplorer'];
    assert.deepEqual(
      Object.keys(settings).sort(),
      [...required, ...more].map((name) => `${SETTINGS_SECTION}.${name}`).sort(),
    );
    assert.deepEqual(settings[`${SETTINGS_SECTION}.scope`]?.enum, [...ADAPTER_SCOPES]);
    assert.deepEqual([...SCOPES], [...ADAPTER_SCOPES]);
    assert.deepEqual(settings[`${SETTINGS_SECTION}.strategy`]?.enum, [...ADAPTER_STRATEGIES]);
    assert.deepEqual([...STRATEGIES], [...ADAPTER_STRATEGIES]);
  });

  it('describes every attribute, every setting and every choice in Markdown', () => {
    const check = (name: string, attribute: Attribute): void => {
      assert.ok(attribute.markdownDescription, `${name} is described`);
      assert.equal(
        attribute.markdownEnumDescriptions?.length,
        attribute.enum?.length,
        `every choice of ${name} is described`,
      );
      for (const [inner, value] of Object.entries(attribute.properties ?? {})) check(`${name}.${inner}`, value);
    };
    const { launch, attach } = debuggers[0]?.configurationAttributes ?? { launch: undefined, attach: undefined };
    for (const properties of [launch?.properties, attach?.properties, manifest.contributes.configuration.properties]) {
      for (const [name, attribute] of Object.entries(properties ?? {})) check(name, attribute);
    }
  });

  it('uses each text of package.nls.json, and only texts that are there', () => {
    const used = new Set([...read('package.json').matchAll(/"%([^%"]+)%"/g)].map(([, key]) => key));
    assert.deepEqual([...used].sort(), Object.keys(texts).sort());
  });

  it('offers seven snippets whose attributes the adapter takes', () => {
    const snippets = debuggers[0]?.configurationSnippets ?? [];
    assert.equal(snippets.length, 7);
    for (const { label, body } of snippets) {
      const known = body?.['request'] === 'attach' ? AttachArguments.entries : LaunchArguments.entries;
      for (const key of Object.keys(body ?? {})) {
        assert.ok(['type', 'request', 'name'].includes(key) || key in known, `${label}: ${key}`);
      }
    }
  });

  it('points at files that are there', () => {
    for (const { configuration } of manifest.contributes.languages) {
      assert.ok(existsSync(path.join(root, configuration)), configuration);
      JSON.parse(read(configuration));
    }
  });
});
