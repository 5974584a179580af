import { describe, expect, it } from '@jest/globals';
import { parseCsv, readRows } from './text-rows.js';

describe('readRows', () => {
  it.each([
    ['{"text":"a"}', { text: 'a' }],
    ['"a"', { text: 'a' }],
    ['{"prompt":"2+2=","completion":"4"}', { prompt: '2+2=', completion: '4' }],
    [
      '{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]}',
      {
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: 'hello' },
        ],
      },
    ],
    ['{"instruction":"add","input":"2 2","output":"4"}', { prompt: 'add\n2 2\n', completion: '4' }],
    ['{"instruction":"greet","output":"hello"}', { prompt: 'greet\n', completion: 'hello' }],
    ['{"input":"2 + 2","output":"4"}', { prompt: '2 + 2\n', completion: '4' }],
  ])('should read the row %s', (row, example) => {
    expect(readRows('.jsonl', `${row}\n\n`)).toEqual([example]);
  });

  it.each(['{"body":"a"}', '{"text":', '3', '{"prompt":"only"}', '{"output":"only"}'])(
    'should refuse the row %s, by its number',
    (row) => {
      expect(() => readRows('.jsonl', `{"text":"a"}\n${row}`)).toThrow('Row 2');
    },
  );

  it('should read CSV by its columns', () => {
    expect(readRows('.csv', '\uFEFFid,text\r\n1,"a, ""b""\nc"\r\n2,d\r\n')).toEqual([
      { text: 'a, "b"\nc' },
      { text: 'd' },
    ]);
    expect(readRows('.csv', 'prompt,completion\n2+2=,4\n')).toEqual([{ prompt: '2+2=', completion: '4' }]);
    expect(() => readRows('.csv', 'id,body\n1,a\n')).toThrow('Row 1');
    expect(readRows('.csv', '')).toEqual([]);
  });

  it('should read text by lines and leave empty rows out', () => {
    expect(readRows('.txt', 'a\r\n\n  \nb')).toEqual([{ text: 'a' }, { text: 'b' }]);
    expect(readRows('.jsonl', '{"text":" "}\n{"text":"b"}')).toEqual([{ text: 'b' }]);
  });
});

describe('parseCsv', () => {
  it('should keep empty fields and a last line without an end', () => {
    expect(parseCsv('a,,c\n,,\nlast')).toEqual([['a', '', 'c'], ['', '', ''], ['last']]);
  });
});
