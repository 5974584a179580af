import { describe, expect, it } from '@jest/globals';
import { SseDecoder, type ResumePoint } from './sse-decoder.js';

const start = (): ResumePoint => ({ lastEventId: undefined, retryMs: undefined });

const TEXT =
  'retry: 25\r\n: hello\r\nid: 1\r\nevent: a\r\ndata: x\r\ndata:  y\r\n\r\n\nid\ndata\n\rdata: z\n\nid: 9\ndata: cut';
const EVENTS = [
  { id: '1', event: 'a', data: 'x\n y' },
  { id: '', event: 'message', data: '' },
  { id: '', event: 'message', data: 'z' },
];

describe(SseDecoder.name, () => {
  it('should read fields, all three line ends and values without a colon', () => {
    const resumePoint = start();
    expect([...new SseDecoder(resumePoint).push(TEXT)]).toEqual(EVENTS);
    expect(resumePoint).toEqual({ lastEventId: '', retryMs: 25 });
  });

  it('should not care where the text is cut', () => {
    for (let size = 1; size < TEXT.length; size++) {
      const decoder = new SseDecoder(start());
      const pieces = TEXT.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(pieces.flatMap((piece) => [...decoder.push(piece)])).toEqual(EVENTS);
    }
  });

  it('should ignore ids that hold NUL and pauses that are no number', () => {
    const resumePoint = start();
    expect([...new SseDecoder(resumePoint).push('id: a\0\nretry: soon\ndata: x\n\n')]).toHaveLength(1);
    expect(resumePoint).toEqual(start());
  });

  it('should move the point to resume from with each event, not before', () => {
    const resumePoint = { lastEventId: '4', retryMs: undefined };
    const events = new SseDecoder(resumePoint).push('id: 5\ndata: a\n\nid: 6\ndata: b\n\n');
    const seen = [...events].map(({ id }) => id);
    expect(seen).toEqual(['5', '6']);
    expect(resumePoint.lastEventId).toBe('6');
  });
});
