// What the adapter says, in the language of the client: our own words, and nothing that the program says or holds.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { inLanguage } from '../../adapter/language';
import { translator, type Catalogue } from '../../protocol/translation';
import { root } from '../support/paths';

describe('the language of the adapter', () => {
  const catalogue = path.join(root, 'l10n', 'sentences.de.json');
  const translate = translator(JSON.parse(readFileSync(catalogue, 'utf8')) as Catalogue);
  const body = (command: string, given: object): unknown =>
    inLanguage({ type: 'response', success: true, command, body: given }, translate)['body'];

  it('names processes, and leaves what the program calls them', () => {
    const names = (...given: string[]): unknown =>
      body('threads', { threads: given.map((name, id) => ({ id, name })) });
    assert.deepEqual(
      names('main process: mix test <0.95.0>', 'main process <0.5.0>', 'Shop.Prices (supervisor) <0.7.0>'),
      {
        threads: [
          { id: 0, name: 'Hauptprozess: mix test <0.95.0>' },
          { id: 1, name: 'Hauptprozess <0.5.0>' },
          { id: 2, name: 'Shop.Prices (Supervisor) <0.7.0>' },
        ],
      },
    );
    const theirs = ['Locals <0.9.0>', 'worker started <0.10.0>', 'test 3 modules (ShopTest) <0.11.0>'];
    assert.deepEqual(names(...theirs), { threads: theirs.map((name, id) => ({ id, name })) });
  });

  it('says what it knows of a value, and leaves the values', () => {
    const values = (...given: string[]): unknown => body('variables', { variables: given.map((value) => ({ value })) });
    assert.deepEqual(values('not available: the server is busy', '3 messages', '1 key'), {
      variables: [
        { value: 'nicht verfügbar: Der Server ist beschäftigt' },
        { value: '3 Nachrichten' },
        { value: '1 Schlüssel' },
      ],
    });
    const theirs = ['Locals', '"3 messages"', ':step', '"not available: the server is busy"'];
    assert.deepEqual(values(...theirs), { variables: theirs.map((value) => ({ value })) });
  });

  it('says who waits for a stopped process', () => {
    const event = (text: string): unknown =>
      (inLanguage({ type: 'event', event: 'stopped', body: { text } }, translate)['body'] as { text: string }).text;
    assert.equal(
      event('<0.1.0> A is waiting in GenServer.call/3; <0.2.0> B has been waiting in Task.await/2 for 2.5 s'),
      '<0.1.0> A wartet in GenServer.call/3; <0.2.0> B wartet seit 2.5 s in Task.await/2',
    );
  });

  it('translates each reason why a module is there', () => {
    assert.deepEqual(
      body('getInterpretationStatus', { modules: [{ reason: 'a step of process <0.9.0>; breakpoint at till.ex:12' }] }),
      { modules: [{ reason: 'ein Schritt des Prozesses <0.9.0>; Haltepunkt bei till.ex:12' }] },
    );
  });
});
