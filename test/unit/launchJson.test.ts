// What adding to a launch.json leaves alone: remarks, order, layout, line ends.
import assert from 'node:assert/strict';
import { withConfigurations } from '../../src/debug/launchJson';

const ADDED = [{ name: 'new', args: ['a'] }];

describe('a launch.json that gets configurations added', () => {
  it('keeps its remarks and its layout', () => {
    const text = [
      '{',
      '    // "configurations": [',
      '    "version": "0.2.0",',
      '    "inputs": [{ "configurations": [] }],',
      '    "configurations": [',
      '        { "name": "a ] \\" // b" } // the last',
      '        /* not used: { "name": "c" } */',
      '    ],',
      '    "compounds": []',
      '}',
      '',
    ];
    const added = [
      '        {',
      '            "name": "new",',
      '            "args": [',
      '                "a"',
      '            ]',
      '        }',
    ];
    const expected = [...text.slice(0, 5), text[5]?.replace('} //', '}, //'), text[6], ...added, ...text.slice(7)];
    for (const eol of ['\n', '\r\n']) {
      assert.equal(withConfigurations(text.join(eol), ADDED), expected.join(eol));
    }
  });

  it('needs no comma where the list is empty or ends with one', () => {
    for (const list of ['[]', '[ ]', '[ { "name": "a" }, ]', '[ { "name": "a" } ]']) {
      const text = withConfigurations(`{ "configurations": ${list} }`, ADDED) ?? '';
      const { configurations } = JSON.parse(text) as { configurations: { name: string }[] };
      assert.equal(configurations.at(-1)?.name, 'new', text);
    }
  });

  it('is left alone where it has no such list', () => {
    for (const text of ['', '{}', '{ "configurations": {} }', '[]', '{ "configurations": [']) {
      assert.equal(withConfigurations(text, ADDED), undefined, text);
    }
  });
});
