// Sentences made in English, found again by their template and said in another language.
import assert from 'node:assert/strict';
import { catalogueNames, translator, withTexts } from '../../protocol/translation';

describe('translation', () => {
  const translate = translator({
    'Its module is not loaded yet.': 'Sein Modul ist noch nicht geladen.',
    'there is no such module': 'es gibt kein solches Modul',
    '{0} cannot be prepared: {1}': '{0} kann nicht vorbereitet werden: {1}',
    'room for {0}, {1}': '{1}: Platz für {0}',
    '{0} hits': '{0} Treffer',
    interpreted: 'interpretiert',
  });

  it('finds whole sentences, and leaves others as they are', () => {
    assert.equal(translate('Its module is not loaded yet.'), 'Sein Modul ist noch nicht geladen.');
    assert.equal(translate('its module is not loaded yet.'), 'its module is not loaded yet.');
    assert.equal(translate(''), '');
  });

  it('fills templates with the parameters of the sentence, in the order of the language', () => {
    assert.equal(translate('room for A.B, soon'), 'soon: Platz für A.B');
  });

  it('translates a parameter that is a sentence, and takes signs of its own for none', () => {
    assert.equal(
      translate('Shop.$1{0} cannot be prepared: there is no such module'),
      'Shop.$1{0} kann nicht vorbereitet werden: es gibt kein solches Modul',
    );
  });

  it('translates the parts of a title and the paragraphs of a text', () => {
    assert.equal(translate('interpreted · 2 hits · 1.0 ms'), 'interpretiert · 2 Treffer · 1.0 ms');
    assert.equal(translate('interpreted\n\n2 hits'), 'interpretiert\n\n2 Treffer');
  });

  it('touches only the properties that hold texts', () => {
    const message = { state: 'interpreted', rows: [{ reason: 'interpreted', hits: 2 }], notes: ['2 hits', 'A'] };
    assert.deepEqual(withTexts(message, new Set(['reason', 'notes']), translate), {
      state: 'interpreted',
      rows: [{ reason: 'interpretiert', hits: 2 }],
      notes: ['2 Treffer', 'A'],
    });
  });

  it('names catalogues from the most fitting on, and none for what is no locale', () => {
    assert.deepEqual(catalogueNames('de-CH'), ['sentences.de-ch.json', 'sentences.de.json']);
    assert.deepEqual(catalogueNames('pt_BR'), ['sentences.pt-br.json', 'sentences.pt.json']);
    assert.deepEqual(catalogueNames('../../etc/passwd'), []);
  });
});
