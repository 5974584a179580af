import { describe, expect, it } from '@jest/globals';
import { aContext, aSpec } from '../../test/builders.js';
import type { TextRow } from '../text-row.js';
import { planRetrieval } from './plan.js';

const rows: TextRow[] = [
  { text: 'to be or\nnot to be' },
  { prompt: 'Who? ', completion: 'Me.' },
  { messages: [{ role: 'user', content: 'half \uD83D' }] },
];
const spec = aSpec({
  kind: 'text',
  trainer: 'retrieval',
  requestedTrainer: 'retrieval',
  extra: { method: 'retrieval' },
});
const context = aContext({ dataset: { kind: 'text', rows } });

describe('planRetrieval', () => {
  it('should give the program one line of text for each row, and say how many', () => {
    const [rowsFile, configFile] = planRetrieval(spec, context).files;
    const lines = rowsFile!.content.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as string)).toEqual([
      'to be or\nnot to be',
      'Who? Me.',
      'user: half \uFFFD',
    ]);
    expect(JSON.parse(configFile!.content)).toEqual({
      rows: 'rows.jsonl',
      rowCount: 3,
      output: 'output/my-influencer-v1.index.sqlite',
      metadata: { job_id: 'j1', attempt: '1', dataset_digest: 'abc' },
    });
  });

  it('should count rows as steps, however many epochs were asked for', () => {
    expect(planRetrieval(spec, context).steps).toEqual({ perEpoch: 3, total: 3 });
  });

  it('should expect each passage to get a vector, however short the rows are', () => {
    const diskBytesOf = (texts: readonly string[]) => {
      const of: TextRow[] = texts.map((text) => ({ text }));
      return planRetrieval(spec, aContext({ dataset: { kind: 'text', rows: of } })).diskBytes;
    };
    expect(diskBytesOf(Array<string>(1000).fill('short'))).toBeGreaterThan(1000 * 4096);
    expect(diskBytesOf(['x'.repeat(1_000_000)])).toBeGreaterThan(1000 * 4096);
    expect(diskBytesOf(['語'.repeat(1000)])).toBe(diskBytesOf(['abc'.repeat(1000)]));
  });

  it('should say of every value of training that it means nothing here', () => {
    const { mapping } = planRetrieval(spec, context);
    for (const field of ['baseModel', 'training', 'network', 'samples'])
      expect(mapping).toContainEqual(expect.objectContaining({ field, how: 'dropped' }));
    expect(mapping).toContainEqual({ field: 'extra.method', how: 'exact', to: 'retrieval' });
    for (const entry of mapping) if (entry.how !== 'exact') expect(entry.reason).toMatch(/\.$/);
  });

  it.each([
    ['pictures', aSpec({ kind: 'image' }), aContext()],
    ['a session', spec, { ...context, isBudgeted: true }],
  ])('should refuse %s', (_, asked, where) => {
    expect(() => planRetrieval(asked, where)).toThrow(expect.objectContaining({ code: 'spec_unsupported' }));
  });
});
