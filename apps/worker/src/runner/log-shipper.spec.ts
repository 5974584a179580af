import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { JobLogLine } from '@influencerai/shared';
import { LogShipper } from './log-shipper.js';

const NOW = new Date('2026-01-01T00:00:00Z');
let batches: JobLogLine[][];
let undelivered: number;
let shipper: LogShipper;

const plain = (text: string) => ({ text, isTransient: false });

beforeEach(() => {
  jest.useFakeTimers();
  batches = [];
  undelivered = 0;
  shipper = new LogShipper({
    sink: { add: (lines) => Promise.resolve(void batches.push(lines)), undelivered: () => undelivered },
    everyMs: 1000,
    now: () => NOW,
    onError: (error) => {
      throw error;
    },
  });
});

afterEach(() => {
  jest.useRealTimers();
});

describe(LogShipper.name, () => {
  it('should send what came within a second in one batch, numbered on', async () => {
    shipper.push('stdout', plain('a'));
    shipper.note('b');
    expect(batches).toEqual([]);
    await jest.advanceTimersByTimeAsync(1000);
    shipper.push('stderr', plain('c'));
    await jest.advanceTimersByTimeAsync(1000);
    expect(batches).toEqual([
      [
        { seq: 0, stream: 'stdout', text: 'a', at: NOW.toISOString() },
        { seq: 1, stream: 'worker', text: 'b', at: NOW.toISOString() },
      ],
      [{ seq: 2, stream: 'stderr', text: 'c', at: NOW.toISOString() }],
    ]);
  });

  it('should not wait for the second when many lines come', async () => {
    for (let number = 0; number < 450; number += 1) shipper.push('stdout', plain(`${number}`));
    await jest.advanceTimersByTimeAsync(0);
    expect(batches[0]).toHaveLength(200);
    await shipper.flush();
    expect(batches.flat().map((line) => line.seq)).toEqual(Array.from({ length: 450 }, (_, seq) => seq));
  });

  it('should keep of a progress bar only what it shows last', async () => {
    for (let percent = 0; percent <= 100; percent += 1)
      shipper.push('stderr', { text: `${percent}%`, isTransient: true });
    await shipper.flush();
    expect(batches.flat().map((line) => line.text)).toEqual(['100%']);
  });

  it('should say how many lines are left out when nobody takes them', async () => {
    undelivered = 500;
    for (let number = 0; number < 7; number += 1) shipper.push('stdout', plain('x'));
    await shipper.flush();
    expect(batches.flat()).toEqual([
      expect.objectContaining({ stream: 'worker', text: expect.stringMatching(/^7 lines are left out/) }),
    ]);
  });

  it('should bound what a flood between two batches takes', async () => {
    for (let number = 0; number < 10_000; number += 1) shipper.push('stdout', plain('x'));
    await shipper.flush();
    const lines = batches.flat();
    const leftOut = Number(lines.at(-1)?.text.match(/^\d+/)?.[0]);
    expect(lines.length - 1 + leftOut).toBe(10_000);
    expect(lines.length).toBeLessThan(3000);
  });

  it('should send nothing that a database refuses, and no colours', async () => {
    shipper.push('stdout', plain('\u001b[31mred\u001b[0m\0 \ud800'));
    await shipper.flush();
    expect(batches.flat()[0]?.text).toBe('red \ufffd');
  });
});
