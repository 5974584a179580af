import { describe, expect, it } from '@jest/globals';
import { beginnings, toJsonLines, unify } from './dataset.js';

const TEXT = { text: 'a b c d e' };
const PAIR = { prompt: 'Say hello.\n', completion: 'Hello.' };
const CHAT = { messages: [{ role: 'user', content: 'Hi' }] };

describe('unify', () => {
  it.each([
    ['text', TEXT],
    ['completion', PAIR],
    ['messages', CHAT],
  ])('should leave rows of kind %s as they are', (kind, row) => {
    expect(unify([row, row])).toEqual({ kind, rows: [row, row] });
  });

  it('should make messages of prompts beside messages', () => {
    expect(unify([PAIR, CHAT])).toEqual({
      kind: 'messages',
      rows: [
        {
          messages: [
            { role: 'user', content: 'Say hello.\n' },
            { role: 'assistant', content: 'Hello.' },
          ],
        },
        CHAT,
      ],
      reason: expect.stringContaining('completion, messages'),
    });
  });

  it('should make plain text of anything beside plain text', () => {
    expect(unify([TEXT, PAIR, CHAT])).toMatchObject({
      kind: 'text',
      rows: [TEXT, { text: 'Say hello.\nHello.' }, { text: 'user: Hi' }],
      reason: expect.stringContaining('plain text'),
    });
  });

  it('should write lines that other programs can read', () => {
    const lines = toJsonLines(unify([{ text: 'half \ud83d of a pair\u2028and a line' }]).rows);
    expect(lines).toBe('{"text":"half \ufffd of a pair\u2028and a line"}\n');
  });
});

describe('beginnings', () => {
  it('should take what the model saw first, once each', () => {
    expect(beginnings([TEXT, TEXT, PAIR, CHAT], 3)).toEqual(['a b c', 'Say hello.\n', 'Hi']);
  });
});
